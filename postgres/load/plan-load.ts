/** Plans what a lane's tables lack: big tables in parts, small ones together, the most work first. */
import type { Batch, IndexTask, LoadGroup, LoadPlan } from '../../contract/activities.js';
import type { LaneName } from '../../contract/names.js';
import type { Spec } from '../../contract/spec.js';
import { bytesOf } from '../../contract/values.js';
import { withSource, withTarget } from '../job.js';
import type { Job } from '../job.js';
import { hasLargeObjects } from '../large-objects/objects.js';
import { upgradeLedger } from '../ledger/create-ledger.js';
import { requireLoading } from '../ledger/lane-tables.js';
import type { Session } from '../session.js';
import { takeOver } from '../take-over.js';
import { SET_BYTES, cutSets } from './cut-sets.js';
import { emptySplitTables } from './empty-split-tables.js';
import { readIndexTasks } from './plan-indexes.js';
import { countParts, effectiveSplitSize, readConditions } from './plan-parts.js';

/** Of a huge database even unsplit tables travel together, or a history overflows. */
const MAX_BATCHES = 500n;

export interface TableToPlan {
  id: number;
  oid: number;
  qualified: string;
  bytes: bigint;
  pages: number;
  indexBytes: bigint;
  /** Rows, indexes and statistics are there. */
  isDone: boolean;
  /** Of a split table, from 1 on. */
  parts: number[];
  /** What the lane has copied; 0: the whole table. */
  copied: number[];
}

const TABLES_SQL = `
  SELECT /* pgtrek: plan-load */ r.id, r.oid, r.qualified, r.bytes, r.pages,
    (SELECT coalesce(sum(i.bytes), 0) FROM pgtrek.table_index i
      WHERE i.owner = r.owner AND i.relation = r.id)::text AS "indexBytes",
    r.is_indexed AND r.is_analyzed AS "isDone",
    ARRAY(SELECT p.part FROM pgtrek.part p
      WHERE p.owner = r.owner AND p.relation = r.id ORDER BY p.part) AS parts,
    ARRAY(SELECT c.part FROM pgtrek.copied c
      WHERE c.owner = r.owner AND c.lane = r.lane AND c.relation = r.id) AS copied
  FROM pgtrek.relation r
  WHERE r.owner = $1 AND r.lane = $2 AND r.kind = 'r' AND r.has_data
  ORDER BY r.id`;

type TableText = Omit<TableToPlan, 'bytes' | 'pages' | 'indexBytes'> &
  Record<'bytes' | 'pages' | 'indexBytes', string>;

async function readTables(target: Session, owner: string, lane: LaneName): Promise<TableToPlan[]> {
  const rows = await target.query<TableText & Record<string, unknown>>(TABLES_SQL, [owner, lane]);
  return rows.map((row) => ({
    ...row,
    bytes: BigInt(row.bytes),
    pages: Number(row.pages),
    indexBytes: BigInt(row.indexBytes),
  }));
}

/**
 * What the tables of the lane lack by the ledger: rows, then what is built on them. Cuts tables above the split size
 * into parts, once for all lanes to come; a split table of which the lane has no part yet is empty afterwards.
 */
export async function planLoad(job: Job, lane: LaneName): Promise<LoadPlan> {
  return withTarget(job, 'plan', async (target) => {
    await takeOver(target, job.owner, `plan ${lane}`);
    await upgradeLedger(target);
    // A lane that was given up has no tables any more: it must not be taken for one that lacks nothing.
    await requireLoading(target, job.owner, lane);
    await splitTables(job, target, await readTables(target, job.owner, lane));
    const tables = await readTables(target, job.owner, lane);
    await emptySplitTables(target, job.owner, lane, tables);
    const sets = setsToCopy(tables.filter((table) => !table.isDone || missingParts(table).length > 0));
    const ids = sets.map((set) => set.map(({ id }) => id));
    const largeObjects = await withSource(job, 'plan', (source) => hasLargeObjects(source, job.spec));
    return makePlan(sets, await readIndexTasks(target, job.owner, ids), largeObjects);
  });
}

/** The split size goes by all tables of the lane: a later attempt must not split what an earlier one copies whole. */
async function splitTables(job: Job, target: Session, tables: TableToPlan[]): Promise<void> {
  const size = effectiveSplitSize(
    tables,
    splitSizeOf(
      job.spec,
      sumOf(tables, ({ bytes }) => bytes),
    ),
  );
  const big = tables.filter(
    (table) => table.parts.length === 0 && table.copied.length === 0 && countParts(table, size) > 1,
  );
  if (big.length === 0) return;
  await withSource(job, 'plan', async (source) => {
    for (const table of big) {
      const conditions = await readConditions(source, table, countParts(table, size));
      await target.query(PARTS_SQL, [job.owner, table.id, conditions]);
    }
  });
}

/** A smaller part is not worth an activity. */
const SMALLEST_PART = 64n * 1024n * 1024n;

/** A table that is more than one job's share of the whole would be copied by one job, while the others have nothing to do. */
function splitSizeOf({ load }: Spec, total: bigint): bigint {
  const wanted = bytesOf(load.splitSize);
  const share = total / BigInt(load.jobs);
  const fair = share > SMALLEST_PART ? share : SMALLEST_PART;
  return wanted === undefined || fair < BigInt(wanted) ? fair : BigInt(wanted);
}

/** All of a table in one statement: parts of two cuts must never mix. */
const PARTS_SQL = `
  INSERT /* pgtrek: write-parts */ INTO pgtrek.part (owner, relation, part, condition)
  SELECT $1, $2, c.n, c.condition FROM unnest($3::text[]) WITH ORDINALITY AS c (condition, n)`;

function missingParts({ parts, copied }: TableToPlan): number[] {
  if (copied.includes(0)) return [];
  const all = parts.length > 0 ? parts : [0];
  return all.filter((part) => !copied.includes(part));
}

/** Tables that travel together, the most work first: a split table alone, and no set above the bytes of a batch but of one table. */
export function setsToCopy(tables: TableToPlan[]): TableToPlan[][] {
  const whole = tables.filter(({ parts }) => parts.length === 0).sort(byWork);
  const split = tables.filter(({ parts }) => parts.length > 0).map((table) => [table]);
  const share = sumOf(whole, ({ bytes }) => bytes) / MAX_BATCHES;
  return [...split, ...cutSets(whole, share > SET_BYTES ? share : SET_BYTES)].sort((a, b) =>
    Number(sumOf(b, workOf) - sumOf(a, workOf)),
  );
}

function workOf({ bytes, indexBytes }: TableToPlan): bigint {
  return bytes + indexBytes;
}

function byWork(a: TableToPlan, b: TableToPlan): number {
  return Number(workOf(b) - workOf(a)) || a.id - b.id;
}

function sumOf<Each>(items: Each[], bytesOf: (item: Each) => bigint): bigint {
  return items.reduce((sum, item) => sum + bytesOf(item), 0n);
}

function makePlan(sets: TableToPlan[][], indexes: IndexTask[][], largeObjects: boolean): LoadPlan {
  const groups = sets.map((set, i): LoadGroup => ({ copies: copiesOf(set), indexes: indexes[i] ?? [] }));
  const left = sets.flat().map((table) => ({ table, missing: missingParts(table) }));
  return {
    groups: groups.filter((group) => group.copies.length + group.indexes.length > 0),
    tables: left.filter(({ missing }) => missing.length > 0).length,
    parts: left.reduce((sum, { missing }) => sum + missing.length, 0),
    bytes: sumOf(left, ({ table, missing }) => partBytes(table) * BigInt(missing.length)).toString(),
    largeObjects,
  };
}

function partBytes({ bytes, parts }: TableToPlan): bigint {
  return bytes / BigInt(Math.max(1, parts.length));
}

function copiesOf(set: TableToPlan[]): Batch[] {
  const [first] = set;
  if (first && first.parts.length > 0) return missingParts(first).map((part) => partBatch(first, part));
  const missing = set.filter((table) => missingParts(table).length > 0);
  return missing.length > 0 ? [wholeBatch(missing)] : [];
}

function partBatch(table: TableToPlan, part: number): Batch {
  return {
    tables: [table.id],
    ...(part === 0 ? {} : { part }),
    label: `${table.qualified}, part ${String(part)} of ${String(table.parts.length)}`,
    bytes: partBytes(table).toString(),
  };
}

function wholeBatch(tables: TableToPlan[]): Batch {
  const others = tables.length > 1 ? ` and ${String(tables.length - 1)} more` : '';
  return {
    tables: tables.map(({ id }) => id),
    label: `${tables[0]?.qualified ?? ''}${others}`,
    bytes: sumOf(tables, ({ bytes }) => bytes).toString(),
  };
}
