import type { Command } from 'commander';
import { EXIT } from '../exit-codes.js';
import { wantsJson, withPgtrek } from '../globals.js';
import { printJson, printLines } from '../output.js';
import { renderEventLines } from '../render/lists.js';

export function addEventsCommand(program: Command): void {
  program
    .command('events')
    .description('List what happened to a migration, oldest first; the last 200.')
    .argument('<name>', 'the migration')
    .action(async (name: string, _options: unknown, command: Command) => {
      await withPgtrek(command, async (pgtrek) => {
        const events = await pgtrek.get(name).events();
        if (wantsJson(command)) printJson(events);
        else printLines(renderEventLines(events));
        return EXIT.done;
      });
    });
}
