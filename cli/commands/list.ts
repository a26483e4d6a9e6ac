import type { Command } from 'commander';
import { EXIT } from '../exit-codes.js';
import { wantsJson, withPgtrek } from '../globals.js';
import { printJson, printLines, terminalOf } from '../output.js';
import { renderMigrations } from '../render/lists.js';

export function addListCommand(program: Command): void {
  program
    .command('list')
    .description('List the migrations that Temporal holds, newest first; the latest of each name.')
    .action(async (_options: unknown, command: Command) => {
      await withPgtrek(command, async (pgtrek) => {
        const migrations = await pgtrek.list();
        if (wantsJson(command)) printJson(migrations);
        else printLines(renderMigrations(migrations, terminalOf().width));
        return EXIT.done;
      });
    });
}
