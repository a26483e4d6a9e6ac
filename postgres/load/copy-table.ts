/** Copies one table, or one part of it, out of the snapshot: with its ledger row, in one transaction. */
import type { CopiedPart } from '../../contract/activities.js';
import type { LaneName } from '../../contract/names.js';
import { toPgtrekError } from '../classify-error.js';
import type { Job } from '../job.js';
import { closed } from '../partial-tables.js';
import type { Session } from '../session.js';
import { TableRewritten, compareHeap } from './compare-heap.js';
import type { NotedHeap } from './compare-heap.js';
import { copyRows } from './copy-rows.js';
import { holdTable } from './hold-table.js';
import { inSnapshot } from './import-snapshot.js';
import type { Pace } from './pace.js';

export interface TableToCopy extends NotedHeap {
  id: number;
  columns: string;
  isBinary: boolean;
  /** Condition of the spec; '' for all rows. */
  filter: string;
  /** Of a partition, whose condition may name columns by the name of its root. */
  alias: string | null;
  /** 0: the whole table. */
  part: number;
  /** Condition of the part; null for a whole table. */
  condition: string | null;
  /** Planned. */
  bytes: string;
}

export interface CopyOrder {
  job: Job;
  lane: LaneName;
  /** Names of the same one; the first that lives is read. */
  snapshots: string[];
  source: Session;
  target: Session;
  pace: Pace | undefined;
  /** Called as bytes pass, with the sum so far. */
  onBytes: (bytes: number) => void;
}

export type TableOutcome = { copied: CopiedPart } | { rewritten: string };

const REMEDY =
  'Mend what the message names and retry. If the schema of the source changed since it was dumped: pgtrek abort, and start again.';

/**
 * `rewritten`, with the reason: the snapshot shows the table no longer, or not whole. Nothing of it is on the target
 * then, and the sessions are of no more use. Throws SNAPSHOT_LOST, or COPY_FAILED.
 */
export async function copyTable(order: CopyOrder, table: TableToCopy): Promise<TableOutcome> {
  const { source, target, snapshots } = order;
  try {
    return await inSnapshot(source, snapshots, () =>
      target.transaction(async () => ({ copied: await copyInTransactions(order, table) })),
    );
  } catch (error) {
    if (error instanceof AlreadyCopied) return { copied: error.copied };
    if (error instanceof TableRewritten) return { rewritten: error.message };
    const { qualified } = table;
    throw toPgtrekError(error, {
      code: 'COPY_FAILED',
      doing: `copy ${qualified}`,
      object: qualified,
      remedy: REMEDY,
    });
  }
}

/** Thrown to roll back what this attempt did: another one has committed the same. */
class AlreadyCopied extends Error {
  readonly copied: CopiedPart;
  constructor(copied: CopiedPart) {
    super(`${copied.table} was copied by another attempt`);
    this.copied = copied;
  }
}

/**
 * The look at the ledger comes behind the table's lock, and so sees what an attempt that outlived its worker commits
 * while this one waits: a whole table excludes its parts, and the other way round.
 */
async function copyInTransactions(order: CopyOrder, table: TableToCopy): Promise<CopiedPart> {
  const { job, lane, source, target } = order;
  await holdTable(target, job.owner, lane, table);
  await target.query(table.part === 0 ? truncateSql(table) : lockSql(table));
  await refuseCopied(order, table);
  const { rows, bytes } = await copyRows({
    source,
    target,
    ...copyStatements(table),
    pace: order.pace,
    onBytes: order.onBytes,
    observer: job.servers.observer,
  });
  await compareHeap(source, table);
  const recorded = await target.query(RECORD_SQL, [job.owner, lane, table.id, table.part, rows, bytes]);
  if (recorded.length === 0) await refuseCopied(order, table);
  return copiedPart(table, { part: table.part, rows: String(rows), bytes: String(bytes) });
}

/** TRUNCATE makes the table new for FREEZE, and waits for whoever still writes to it. */
function truncateSql({ qualified }: TableToCopy): string {
  return `TRUNCATE /* pgtrek: truncate-table */ ONLY ${qualified}`;
}

/** What COPY takes too; shared with other parts. */
function lockSql({ qualified }: TableToCopy): string {
  return `LOCK /* pgtrek: lock-table */ TABLE ONLY ${qualified} IN ROW EXCLUSIVE MODE`;
}

interface LedgerRow {
  part: number;
  rows: string;
  bytes: string;
}

/** Of a part: it, or the whole table. Of a whole table: anything. */
const COPIED_SQL = `
  SELECT /* pgtrek: look-for-copied */ part, rows, bytes FROM pgtrek.copied
  WHERE owner = $1 AND lane = $2 AND relation = $3 AND ($4 = 0 OR part IN (0, $4))
  ORDER BY part LIMIT 1`;

async function refuseCopied({ job, lane, target }: CopyOrder, table: TableToCopy): Promise<void> {
  const [done] = await target.query<LedgerRow & Record<string, unknown>>(COPIED_SQL, [
    job.owner,
    lane,
    table.id,
    table.part,
  ]);
  if (done) throw new AlreadyCopied(copiedPart(table, done));
}

/** Waits for an attempt that is about to commit the same row; no row comes back when it did. */
const RECORD_SQL = `
  INSERT /* pgtrek: record-copied */ INTO pgtrek.copied (owner, lane, relation, part, rows, bytes)
  VALUES ($1, $2, $3, $4, $5, $6)
  ON CONFLICT (owner, lane, relation, part) DO NOTHING
  RETURNING part`;

function copiedPart({ id, qualified }: TableToCopy, { part, rows, bytes }: LedgerRow): CopiedPart {
  return { id, table: qualified, ...(part === 0 ? {} : { part }), rows, bytes };
}

/** A table that is new in its transaction takes frozen rows, which no VACUUM has to write again. */
function copyStatements(table: TableToCopy): { read: string; write: string } {
  const { qualified, columns, isBinary, part } = table;
  const list = columns === '' ? '' : ` (${columns})`;
  const format = isBinary ? 'binary' : 'text';
  const freeze = part === 0 ? ', FREEZE true' : '';
  return {
    read: `COPY /* pgtrek: copy-out */ ${rowsOf(table) ?? `${qualified}${list}`} TO STDOUT (FORMAT ${format})`,
    write: `COPY /* pgtrek: copy-in */ ${qualified}${list} FROM STDIN (FORMAT ${format}${freeze})`,
  };
}

/** A query, where not all rows are wanted: COPY of a table itself is cheaper. */
function rowsOf({ qualified, columns, alias, condition, filter }: TableToCopy): string | undefined {
  const conditions = [
    ...(condition === null ? [] : [condition]),
    ...(filter === '' ? [] : [`(${closed(filter)})`]),
  ];
  if (conditions.length === 0) return undefined;
  const from = alias === null ? qualified : `${qualified} AS ${alias}`;
  return `(SELECT ${columns} FROM ONLY ${from} WHERE ${conditions.join(' AND ')})`;
}
