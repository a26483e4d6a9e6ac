import type { Client } from 'pg';
import { parseChange } from './decoded-change.js';
import type { DecodedTransaction } from './change-stream.js';
import type { Sides } from './compare-rows.js';

const SHOWN_IDS = 5;

const HAS_LOG = `
  /* pgtrek: oracle */
  SELECT to_regclass('public.writer_log') IS NOT NULL AS found`;

const READ_LOG_IDS = `
  /* pgtrek: oracle */
  SELECT id::text FROM public.writer_log`;

const HAS_ACCOUNTS = `
  /* pgtrek: oracle */
  SELECT to_regclass('public.customer_account') IS NOT NULL
    AND to_regclass('public.store_account') IS NOT NULL AS found`;

const SUM_BALANCES = `
  /* pgtrek: oracle */
  SELECT (
    (SELECT coalesce(sum(balance), 0) FROM public.customer_account)
    + (SELECT coalesce(sum(balance), 0) FROM public.store_account)
  )::text AS total`;

/** The ids in writer_log; undefined in a database that is not the sample. */
export async function readLogIds(client: Client): Promise<Set<string> | undefined> {
  const { rows: found } = await client.query<{ found: boolean }>(HAS_LOG);
  if (!found[0]?.found) return undefined;
  const { rows } = await client.query<{ id: string }>(READ_LOG_IDS);
  return new Set(rows.map(({ id }) => id));
}

/** The ids that these transactions logged, straight from the decoding: not from a table that somebody replayed. */
export function collectLogIds(transactions: DecodedTransaction[]): string[] {
  return transactions.flatMap(({ lines }) =>
    lines.flatMap((line) => {
      const change = line.startsWith('table public.writer_log: INSERT:') ? parseChange(line) : undefined;
      if (change?.operation !== 'insert') return [];
      const id = change.row.find(({ name }) => name === 'id')?.literal;
      return id === undefined ? [] : id.slice(1, -1);
    }),
  );
}

/** Every logged transaction up to the marker is on the target, and no other. */
export async function checkLog(target: Client, expected: Set<string> | undefined): Promise<string[]> {
  if (expected === undefined) return [];
  const found = await readLogIds(target);
  if (found === undefined) return ['writer_log: the table is missing'];
  const missing = [...expected].filter((id) => !found.has(id));
  const extra = [...found].filter((id) => !expected.has(id));
  return [
    ...describeIds('committed before the marker, but missing', missing),
    ...describeIds('on the target, but not committed before the marker', extra),
  ];
}

function describeIds(what: string, ids: string[]): string[] {
  if (ids.length === 0) return [];
  return [`writer_log: ${ids.length} transactions ${what}: ${ids.slice(0, SHOWN_IDS).join(', ')}`];
}

/** Money only moves between the two tables, so another sum is no consistent cut. */
export async function checkBalances({ expected, actual }: Sides): Promise<string[]> {
  const [wanted, found] = await Promise.all([sumBalances(expected), sumBalances(actual)]);
  return wanted === found ? [] : [`the sum of all balances is ${String(found)} instead of ${String(wanted)}`];
}

async function sumBalances(client: Client): Promise<string | undefined> {
  const { rows: found } = await client.query<{ found: boolean }>(HAS_ACCOUNTS);
  if (!found[0]?.found) return undefined;
  return (await client.query<{ total: string }>(SUM_BALANCES)).rows[0]?.total;
}
