/** The transactions that are to be caught up with: pgbench's own, TPC-B like. */
import { dirname, join } from 'node:path';
import type { ClusterConnection } from '../../dev/cluster.js';
import type { ClientTools } from '../../postgres/client-tools.js';
import { isExecutable, runClientTool } from '../load/client-tool.js';
import { query } from '../load/sql.js';
import type { Arena } from '../load/subject.js';

const TABLES = ['pgbench_accounts', 'pgbench_branches', 'pgbench_tellers', 'pgbench_history'];

/** It stands beside pg_dump. */
export function pgbenchOf(tools: ClientTools): string {
  return join(dirname(tools.pgDump), 'pgbench');
}

export async function absenceOfPgbench(tools: ClientTools): Promise<string | undefined> {
  const pgbench = pgbenchOf(tools);
  return (await isExecutable(pgbench)) ? undefined : `${pgbench} cannot be run`;
}

type Runner = Pick<Arena, 'memory' | 'belongings' | 'tools' | 'source'>;

export async function fillTables(runner: Runner, scale: number): Promise<void> {
  await runPgbench(runner, ['--initialize', '--quiet', `--scale=${scale}`]);
  // It has no key, and pgtrek asks for an identity before it publishes a table. Rows are only added.
  await query(runner.source, 'ALTER TABLE pgbench_history REPLICA IDENTITY FULL');
  await query(runner.source, 'VACUUM (FREEZE, ANALYZE)');
}

/** Sessions that write it: their transactions overlap in the log, as real ones do. */
const SESSIONS = 4;

/** Exactly so many; then one more that leaves a mark in every table. */
export async function writeBacklog(runner: Runner, transactions: number): Promise<void> {
  const each = Math.floor(transactions / SESSIONS);
  await runTransactions(runner, { sessions: SESSIONS, each });
  await runTransactions(runner, { sessions: 1, each: transactions - SESSIONS * each });
  await query(runner.source, MARK_SQL);
}

async function runTransactions(
  runner: Runner,
  { sessions, each }: { sessions: number; each: number },
): Promise<void> {
  if (each === 0) return;
  await runPgbench(runner, [
    ...['--no-vacuum', `--client=${sessions}`, `--jobs=${Math.min(sessions, 2)}`],
    `--transactions=${each}`,
  ]);
}

async function runPgbench(runner: Runner, args: string[]): Promise<void> {
  await runClientTool(runner, {
    file: pgbenchOf(runner.tools),
    args,
    connection: runner.source,
    // It is not what is measured.
    env: { PGOPTIONS: '-c synchronous_commit=off' },
  });
}

const MARK = 'bench: the end';

const MARK_SQL = `
  DO $$ BEGIN
    UPDATE pgbench_branches SET filler = '${MARK}' WHERE bid = 1;
    UPDATE pgbench_tellers SET filler = '${MARK}' WHERE tid = 1;
    UPDATE pgbench_accounts SET filler = '${MARK}' WHERE aid = 1;
    INSERT INTO pgbench_history (tid, bid, aid, delta, mtime, filler) VALUES (1, 1, 1, 0, now(), '${MARK}');
  END $$`;

const MARKED_SQL = `
  SELECT count(*)::int = 3 AS marked FROM (
    SELECT FROM pgbench_branches WHERE bid = 1 AND filler = '${MARK}'
    UNION ALL SELECT FROM pgbench_tellers WHERE tid = 1 AND filler = '${MARK}'
    UNION ALL SELECT FROM pgbench_accounts WHERE aid = 1 AND filler = '${MARK}') AS marks`;

/** With the last transaction. Changes come in the order of their commits, so the mark in a table is its last change. */
export async function hasArrived(target: ClusterConnection, transactions: number): Promise<boolean> {
  const [row] = await query<{ marked: boolean }>(target, MARKED_SQL);
  return row?.marked === true && (await countArrived(target)) === transactions + 1;
}

/** Transactions of which the target has the row of history; the one with the mark is one too. */
export async function countArrived(target: ClusterConnection): Promise<number> {
  const [row] = await query<{ count: number }>(target, 'SELECT count(*)::int AS count FROM pgbench_history');
  return row?.count ?? 0;
}

/** Of all rows of every table, whatever their order: equal on both servers, or a run has no figure. */
export async function readSums(connection: ClusterConnection): Promise<string[]> {
  const sums = TABLES.map(
    (table) =>
      `SELECT '${table}: ' || count(*) || ' rows, ' || coalesce(sum(hashtextextended(t::text, 0)), 0) AS sum FROM ${table} AS t`,
  );
  return (await query<{ sum: string }>(connection, sums.join(' UNION ALL '))).map(({ sum }) => sum).sort();
}
