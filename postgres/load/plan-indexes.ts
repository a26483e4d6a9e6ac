/** What is left to build once rows are in, cut into tasks of one activity each. */
import type { IndexPlan, IndexTask } from '../../contract/activities.js';
import { withTarget } from '../job.js';
import type { Job } from '../job.js';
import type { Session } from '../session.js';
import { cutSets, SET_BYTES } from './cut-sets.js';

/** Its build takes seconds, so that it is worth an activity of its own. */
const BIG_INDEX_BYTES = SET_BYTES / 2n;

interface MissingIndex {
  id: number;
  qualified: string;
  /** Of the source's index, times the cost of its kind. */
  bytes: string;
}

interface WaitingTable {
  id: number;
  qualified: string;
  bytes: string;
  /** Longest first. */
  missing: MissingIndex[];
}

/** An index, on that very table: `i` is its ledger row, `r` its table's. */
export const INDEX_EXISTS = `EXISTS (
    SELECT FROM pg_index x WHERE x.indexrelid = to_regclass(i.qualified) AND x.indrelid = to_regclass(r.qualified))`;

/** The same for a constraint. */
export const CONSTRAINT_EXISTS = `EXISTS (
    SELECT FROM pg_constraint k
    WHERE k.conrelid = to_regclass(r.qualified) AND quote_ident(k.conname) = i.constraint_name)`;

/** How much longer than a btree's the build of a byte takes, by measurement; of what a constraint makes itself, as of GiST. */
const COST = `
  CASE coalesce(substring(i.index_sql FROM ' USING (\\w+) '), 'gist')
    WHEN 'gin' THEN 5 WHEN 'gist' THEN 5 WHEN 'spgist' THEN 3 WHEN 'hash' THEN 2 ELSE 1 END`;

/**
 * $2: ids of tables; null for all. A table without any index is among them: its statistics are due. Once lanes carry tables,
 * one that belongs to none is still to be loaded, and gets its indexes after that.
 */
const WAITING_SQL = `
  SELECT /* pgtrek: plan-indexes */ r.id, r.qualified, r.bytes::text AS bytes,
    coalesce(
      jsonb_agg(jsonb_build_object('id', i.id, 'qualified', i.qualified, 'bytes', (i.bytes * ${COST})::text)
        ORDER BY i.bytes * ${COST} DESC, i.id) FILTER (WHERE i.id IS NOT NULL),
      '[]') AS missing
  FROM pgtrek.relation r
    LEFT JOIN pgtrek.table_index i ON i.owner = r.owner AND i.relation = r.id
      AND NOT CASE WHEN i.index_sql IS NULL THEN ${CONSTRAINT_EXISTS} ELSE ${INDEX_EXISTS} END
  WHERE r.owner = $1 AND r.kind = 'r' AND NOT r.is_indexed AND ($2::int[] IS NULL OR r.id = ANY ($2::int[]))
    AND (r.lane IS NOT NULL OR NOT EXISTS (
      SELECT FROM pgtrek.relation o WHERE o.owner = r.owner AND o.lane IS NOT NULL))
  GROUP BY r.id, r.qualified, r.bytes
  ORDER BY r.id`;

function readWaiting(target: Session, owner: string, tables: number[] | null): Promise<WaitingTable[]> {
  return target.query<WaitingTable & Record<string, unknown>>(WAITING_SQL, [owner, tables]);
}

/**
 * For each set of tables (one big one, or small ones that travel together): what builds all that they still lack,
 * longest first; none for a set that lacks nothing.
 */
export async function readIndexTasks(
  target: Session,
  owner: string,
  tables: number[][],
): Promise<IndexTask[][]> {
  const waiting = await readWaiting(target, owner, tables.flat());
  const byId = new Map(waiting.map((table) => [table.id, table]));
  return tables.map((ids) => cutTasks(ids.map((id) => byId.get(id)).filter((table) => table !== undefined)));
}

/** All tables that still lack an index, a key or only the mark of being complete, the most work first. */
export async function planIndexes(job: Job): Promise<IndexPlan> {
  return withTarget(job, 'plan', async (target) => {
    const waiting = await readWaiting(target, job.owner, null);
    const { keys } = await target.one<{ keys: number }>(
      'SELECT count(*)::int AS keys FROM pgtrek.foreign_key WHERE owner = $1',
      [job.owner],
    );
    const work = waiting.map((table) => ({ table, bytes: workOf([table]).toString() })).sort(byWork);
    return {
      tasks: cutSets(work)
        .flatMap((set) => cutTasks(set.map(({ table }) => table)))
        .sort(byWork),
      indexes: waiting.reduce((sum, { missing }) => sum + missing.length, 0),
      foreignKeys: keys,
    };
  });
}

/** Of a big table each big index by itself, so that several sessions build at a time; of small tables all together. */
function cutTasks(tables: WaitingTable[]): IndexTask[] {
  const [table] = tables;
  if (table === undefined) return [];
  const big = table.missing.filter(({ bytes }) => BigInt(bytes) >= BIG_INDEX_BYTES);
  if (tables.length > 1 || workOf(tables) < SET_BYTES || big.length === 0) return [wholeTask(tables, table)];
  const small = table.missing.filter((index) => !big.includes(index));
  const sets = [...big.map((index) => [index]), ...(small.length > 0 ? [small] : [])];
  return sets.map((indexes) => partialTask(table, indexes)).sort(byWork);
}

function wholeTask(tables: WaitingTable[], first: WaitingTable): IndexTask {
  const others = tables.length > 1 ? ` and ${String(tables.length - 1)} more` : '';
  return {
    tables: tables.map(({ id }) => id),
    label: `${first.qualified}${others}`,
    bytes: workOf(tables).toString(),
  };
}

function partialTask(table: WaitingTable, indexes: MissingIndex[]): IndexTask {
  const [first] = indexes;
  const others = indexes.length > 1 ? ` and ${String(indexes.length - 1)} more` : '';
  return {
    tables: [table.id],
    indexes: indexes.map(({ id }) => id),
    label: `${table.qualified}: ${nameOf(first?.qualified ?? '')}${others}`,
    bytes: workOf([{ ...table, missing: indexes }]).toString(),
  };
}

/** A build reads the table and writes the index. */
function workOf(tables: Pick<WaitingTable, 'bytes' | 'missing'>[]): bigint {
  const sizes = tables.flatMap(({ bytes, missing }) => [bytes, ...missing.map((index) => index.bytes)]);
  return sizes.reduce((sum, size) => sum + BigInt(size), 0n);
}

function byWork(a: { bytes: string }, b: { bytes: string }): number {
  return Number(BigInt(b.bytes) - BigInt(a.bytes));
}

/** Quoted, without the schema. */
function nameOf(qualified: string): string {
  return /(?:"(?:[^"]|"")*"|[^".]+)$/.exec(qualified)?.[0] ?? qualified;
}
