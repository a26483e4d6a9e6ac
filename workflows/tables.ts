/** Rows for the `tables` query, and the sums over them. In memory only: read again when a new run has begun. */
import type { CopiedPart } from '../contract/activities.js';
import type { TableRow } from '../contract/state.js';
import { showDetails } from './details.js';
import { step } from './proxies.js';
import { plainArgument } from './run.js';
import type { MigrationRun } from './run.js';

/** A page of an activity's result. */
const PAGE = 2_000;

export async function readTables(run: MigrationRun): Promise<void> {
  const rows: TableRow[] = [];
  for (;;) {
    const page: TableRow[] = await step('read the tables').readTables({
      run: plainArgument(run),
      offset: rows.length,
      limit: PAGE,
    });
    rows.push(...page);
    if (page.length < PAGE) break;
  }
  run.tables = rows;
}

/** The ledger decides, not our counting. */
export async function readProgress(run: MigrationRun): Promise<void> {
  await readTables(run);
  const { tables } = run;
  const count = (of: (row: TableRow) => number) => tables.reduce((sum, row) => sum + of(row), 0);
  const sum = (of: (row: TableRow) => string) =>
    String(tables.reduce((total, row) => total + BigInt(of(row)), 0n));
  Object.assign(run.state.totals, {
    tables: tables.length,
    tablesCopied: count((row) => (isCopied(row) ? 1 : 0)),
    parts: count((row) => row.parts),
    partsCopied: count((row) => row.partsCopied),
    bytesPlanned: sum((row) => row.bytesPlanned),
    bytesDone: sum(doneOf),
    bytesCopied: sum((row) => row.bytesCopied),
    rowsCopied: sum((row) => row.rows),
  });
  showCopying(run);
  showDetails(run);
}

/** Parts are planned of about the same size. */
function doneOf({ bytesPlanned, parts, partsCopied }: TableRow): string {
  return String((BigInt(bytesPlanned) * BigInt(partsCopied)) / BigInt(Math.max(1, parts)));
}

/** So many of those that are partly in are told with the state; the `tables` query has all. */
const COPYING_SHOWN = 20;

function showCopying({ state, tables }: MigrationRun): void {
  const copying = tables.filter(({ status }) => status === 'copying');
  const size = ({ bytesPlanned }: TableRow) => BigInt(bytesPlanned);
  copying.sort((a, b) => (size(b) > size(a) ? 1 : size(b) < size(a) ? -1 : 0));
  if (copying.length === 0) delete state.copying;
  else state.copying = copying.slice(0, COPYING_SHOWN);
}

function isCopied({ status }: TableRow): boolean {
  return status === 'copied' || status === 'ready';
}

/** What an activity has brought, between two readings. */
export function addCopied(run: MigrationRun, copied: CopiedPart[]): void {
  const { totals } = run.state;
  const rows = new Map(run.tables.map((row) => [row.table, row]));
  for (const part of copied) {
    totals.rowsCopied = plus(totals.rowsCopied, part.rows);
    totals.bytesCopied = plus(totals.bytesCopied, part.bytes);
    totals.partsCopied += 1;
    const row = rows.get(part.table);
    if (!row) continue;
    const before = BigInt(doneOf(row));
    if (addPart(row, part)) totals.tablesCopied += 1;
    totals.bytesDone = String(BigInt(totals.bytesDone) + BigInt(doneOf(row)) - before);
  }
  showCopying(run);
  showDetails(run);
}

/** True when it was the last one. */
function addPart(row: TableRow, part: CopiedPart): boolean {
  row.rows = plus(row.rows, part.rows);
  row.bytesCopied = plus(row.bytesCopied, part.bytes);
  row.partsCopied += 1;
  row.status = row.partsCopied < row.parts ? 'copying' : 'copied';
  return row.status === 'copied';
}

function plus(a: string, b: string): string {
  return String(BigInt(a) + BigInt(b));
}
