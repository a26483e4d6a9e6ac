/** Copies one table: COPY out of the snapshot into COPY FREEZE, with its ledger row, in one transaction. */
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import type { CopiedTable } from '../../contract/activities.js';
import { PgtrekError } from '../../contract/errors.js';
import type { LaneName } from '../../contract/names.js';
import { explained, messageOf, sqlState } from '../classify-error.js';
import type { Job } from '../job.js';
import { readFilenodes } from '../lane/publication.js';
import type { Session } from '../session.js';

export interface TableToCopy {
  id: number;
  oid: number;
  qualified: string;
  columns: string;
  is_binary: boolean;
  bytes: string;
  /** Where the rows lay before the slot existed. */
  heap: number | null;
  toast: number | null;
}

export interface CopyOrder {
  job: Job;
  lane: LaneName;
  snapshot: string;
  source: Session;
  target: Session;
  /** Called as bytes pass, with the sum so far. */
  onBytes: (bytes: number) => void;
}

/**
 * One transaction on each end. The target's holds the lane's row, so that a lane that was given up can no longer
 * write; TRUNCATE makes the table new for FREEZE, and ends what an attempt that outlived its worker may have begun.
 */
export async function copyTable(order: CopyOrder, table: TableToCopy): Promise<CopiedTable> {
  const { source, target, snapshot } = order;
  return explained(
    { code: 'COPY_FAILED', doing: `copy ${table.qualified}`, object: table.qualified, remedy: REMEDY },
    () =>
      source.transaction(async () => {
        await importSnapshot(source, snapshot);
        return target.transaction(() => copyInTransactions(order, table));
      }, 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY'),
  );
}

const REMEDY =
  'Mend what the message names and retry. If the schema of the source changed since it was dumped: pgtrek abort, and start again.';

async function copyInTransactions(order: CopyOrder, table: TableToCopy): Promise<CopiedTable> {
  const { job, lane, source, target } = order;
  await holdLane(target, job.owner, lane);
  await target.query(`TRUNCATE /* pgtrek: truncate-table */ ONLY ${table.qualified}`);
  const [done] = await target.query<{ rows: string; bytes: string }>(COPIED_SQL, [job.owner, lane, table.id]);
  if (done) throw new AlreadyCopied({ id: table.id, table: table.qualified, ...done });
  const { rows, bytes } = await copyRows(order, table);
  await checkFilenode(source, table);
  await target.query(RECORD_SQL, [job.owner, lane, table.id, rows, bytes]);
  return { id: table.id, table: table.qualified, rows: String(rows), bytes: String(bytes) };
}

/** Thrown to roll the TRUNCATE back: another attempt has committed this table. */
export class AlreadyCopied extends PgtrekError {
  readonly copied: CopiedTable;
  constructor(copied: CopiedTable) {
    super('SUPERSEDED', `${copied.table} was copied by another attempt.`, { retryable: true });
    this.copied = copied;
  }
}

const COPIED_SQL = `
  SELECT /* pgtrek: look-for-copied */ rows, bytes FROM pgtrek.copied
  WHERE owner = $1 AND lane = $2 AND relation = $3`;

const RECORD_SQL = `
  INSERT /* pgtrek: record-copied */ INTO pgtrek.copied (owner, lane, relation, rows, bytes)
  VALUES ($1, $2, $3, $4, $5)`;

async function importSnapshot(source: Session, snapshot: string): Promise<void> {
  try {
    await source.query(`SET TRANSACTION SNAPSHOT '${snapshot}' /* pgtrek: import-snapshot */`);
  } catch (error) {
    // 22023 invalid snapshot identifier, 55000 its transaction is gone; 42704 from 17 on.
    if (['22023', '55000', '42704'].includes(sqlState(error) ?? '')) {
      throw new PgtrekError('SNAPSHOT_LOST', `Snapshot ${snapshot} is gone: ${messageOf(error)}`, {
        cause: error,
      });
    }
    throw error;
  }
}

async function holdLane(target: Session, owner: string, lane: LaneName): Promise<void> {
  const [row] = await target.query<{ status: string }>(
    'SELECT /* pgtrek: hold-lane */ status FROM pgtrek.lane WHERE owner = $1 AND lane = $2 FOR SHARE',
    [owner, lane],
  );
  if (row?.status !== 'loading')
    throw new PgtrekError('SNAPSHOT_LOST', `Lane ${lane} was given up.`, { object: lane });
}

async function copyRows(
  { job, source, target, onBytes }: CopyOrder,
  table: TableToCopy,
): Promise<{ rows: number; bytes: number }> {
  const columns = table.columns === '' ? '' : ` (${table.columns})`;
  const format = table.is_binary ? 'binary' : 'text';
  const observer = job.servers.observer;
  let bytes = 0;
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const first = bytes === 0;
      bytes += chunk.length;
      onBytes(bytes);
      if (!first || !observer) done(null, chunk);
      else Promise.resolve(observer('before', 'copy-data')).then(() => done(null, chunk), done);
    },
  });
  const output = source.client.query(
    copyTo(`COPY ${table.qualified}${columns} TO STDOUT (FORMAT ${format})`),
  );
  const input = target.client.query(
    copyFrom(`COPY ${table.qualified}${columns} FROM STDIN (FORMAT ${format}, FREEZE true)`),
  );
  try {
    await pipeline(output, counter, input);
  } catch (error) {
    source.destroy();
    target.destroy();
    throw error;
  }
  return { rows: input.rowCount, bytes };
}

/**
 * A snapshot sees too few rows of a heap that was rewritten after it, and the server gives no error. The source
 * session still holds ACCESS SHARE on the table, so nothing can rewrite it between this look and the commit.
 */
async function checkFilenode(source: Session, table: TableToCopy): Promise<void> {
  const [now] = await readFilenodes(source, [table.oid]);
  // COPY went by name: another table may have taken it meanwhile.
  const { named } = await source.one<{ named: number | null }>(
    'SELECT /* pgtrek: look-up-name */ to_regclass($1)::oid AS named',
    [table.qualified],
  );
  if (now && now.heap === table.heap && now.toast === table.toast && named === table.oid) return;
  throw new PgtrekError(
    'HEAP_REWRITTEN',
    `${table.qualified} was rewritten, truncated, renamed or dropped on the source during the load.`,
    { object: table.qualified },
  );
}
