import type { Command } from 'commander';
import { EXIT } from '../exit-codes.js';
import { wantsJson, withPgtrek } from '../globals.js';
import { printJson, printLines, terminalOf } from '../output.js';
import { parseCount } from '../parse-option.js';
import { renderTables } from '../render/lists.js';

interface TablesOptions {
  offset: number;
  limit: number;
}

export function addTablesCommand(program: Command): void {
  program
    .command('tables')
    .description('List the tables of a migration with their sizes and what became of them.')
    .argument('<name>', 'the migration')
    .option('--offset <n>', 'leave out the first n', parseCount, 0)
    .option('--limit <n>', 'show at most n', parseCount, 100)
    .action(async (name: string, { offset, limit }: TablesOptions, command: Command) => {
      await withPgtrek(command, async (pgtrek) => {
        const page = await pgtrek.get(name).tables({ offset, limit });
        if (wantsJson(command)) printJson(page);
        else printLines(renderTables(page, terminalOf().width));
        return EXIT.done;
      });
    });
}
