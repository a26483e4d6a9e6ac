import type { Command } from 'commander';
import { parseSpec } from '../../client/index.js';
import { EXIT } from '../exit-codes.js';
import { wantsJson, withPgtrek } from '../globals.js';
import { printJson, printLines, terminalOf } from '../output.js';
import { readSpec } from '../read-spec.js';
import { renderOrphans } from '../render/orphans.js';

interface OrphansOptions {
  file: string;
  remove?: boolean;
}

export function addOrphansCommand(program: Command): void {
  program
    .command('orphans')
    .description('Find what a terminated migration left in both databases, and remove it with --remove.')
    .requiredOption('-f, --file <spec>', 'the spec, YAML or JSON; - reads stdin')
    .option('--remove', 'remove it; objects of a migration that runs are never touched')
    .addHelpText(
      'after',
      '\nPasswords are resolved here, in your environment. Temporal is asked whether the owner still runs.',
    )
    .action(async (options: OrphansOptions, command: Command) => {
      const input = await readSpec(options.file);
      await withPgtrek(command, async (pgtrek) => {
        const { orphansHere } = await import('../../workers/index.js');
        const migration = pgtrek.get(parseSpec(input).name);
        const remove = options.remove ?? false;
        const orphans = await orphansHere(input, {
          isLive: (owner) => migration.isRunning(owner),
          isRunning: () => migration.isRunning(),
          remove,
        });
        if (wantsJson(command)) printJson(orphans);
        else printLines(renderOrphans(orphans, { ...terminalOf(), remove }));
        return remove && orphans.some(({ removed }) => !removed) ? EXIT.error : EXIT.done;
      });
    });
}
