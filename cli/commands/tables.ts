import type { Command } from 'commander';
import type { Migration, TableRow, TablesPage } from '../../client/index.js';
import { EXIT } from '../exit-codes.js';
import { wantsJson, withPgtrek } from '../globals.js';
import { printJson, printLines, terminalOf } from '../output.js';
import { parseCount } from '../parse-option.js';
import { addLive, renderTables, sortTables } from '../render/tables.js';

interface TablesOptions {
  offset: number;
  limit: number;
}

export function addTablesCommand(program: Command): void {
  program
    .command('tables')
    .description('List the tables of a migration, with what became of each: status, rows, bytes, parts.')
    .argument('<name>', 'the migration')
    .option('--offset <n>', 'leave out the first n', parseCount, 0)
    .option('--limit <n>', 'show at most n', parseCount, 100)
    .action(async (name: string, { offset, limit }: TablesOptions, command: Command) => {
      await withPgtrek(command, async (pgtrek) => {
        const page = pageOf(await readTables(pgtrek.get(name)), { offset, limit });
        if (wantsJson(command)) printJson(page);
        else printLines(renderTables(page, terminalOf().width));
        return EXIT.done;
      });
    });
}

/** As many as one answer holds. */
const AT_ONCE = 2_000;

/** All of them, as they are sorted by what becomes of them; with what has been copied up to now. */
async function readTables(migration: Migration): Promise<TableRow[]> {
  const live = await migration.live();
  const rows: TableRow[] = [];
  for (;;) {
    const { tables, total } = await migration.tables({ offset: rows.length, limit: AT_ONCE });
    rows.push(...tables);
    if (tables.length === 0 || rows.length >= total) return sortTables(addLive(rows, live));
  }
}

function pageOf(rows: TableRow[], { offset, limit }: TablesOptions): TablesPage {
  return { total: rows.length, offset, tables: rows.slice(offset, offset + limit) };
}
