/** Copies the tables of a batch, one after the other, over one session on each end. */
import type { Batch, CopiedTable } from '../../contract/activities.js';
import type { LaneName } from '../../contract/names.js';
import type { CopyFigures } from '../../contract/state.js';
import { withEnds } from '../job.js';
import type { Job } from '../job.js';
import type { Session } from '../session.js';
import { AlreadyCopied, copyTable } from './copy-table.js';
import type { CopyOrder, TableToCopy } from './copy-table.js';

const TABLES_SQL = `
  SELECT /* pgtrek: read-batch */ r.id, r.oid, r.qualified, r.columns, r.is_binary, r.bytes, f.heap, f.toast
  FROM pgtrek.relation r
    LEFT JOIN pgtrek.filenode f ON f.owner = r.owner AND f.lane = $2 AND f.relation = r.id
  WHERE r.owner = $1 AND r.id = ANY ($3::int[])
  ORDER BY array_position($3::int[], r.id)`;

const COPIED_SQL = `
  SELECT /* pgtrek: read-copied */ c.relation AS id, r.qualified AS table, c.rows, c.bytes
  FROM pgtrek.copied c JOIN pgtrek.relation r ON r.owner = c.owner AND r.id = c.relation
  WHERE c.owner = $1 AND c.lane = $2 AND c.relation = ANY ($3::int[])`;

/** Tables that the ledger already knows as copied in this lane are not copied again. */
export async function copyBatch(
  job: Job,
  lane: LaneName,
  snapshot: string,
  batch: Batch,
  onProgress: (figures: CopyFigures) => void,
): Promise<CopiedTable[]> {
  return withEnds(job, 'copy', async (source, target) => {
    const tables = await target.query<TableToCopy & Record<string, unknown>>(TABLES_SQL, [
      job.owner,
      lane,
      batch.tables,
    ]);
    const copied = await readCopied(target, job, lane, batch);
    const known = new Set(copied.map(({ id }) => id));
    for (const table of tables.filter(({ id }) => !known.has(id))) {
      const onBytes = (bytes: number) =>
        onProgress({ kind: 'copy', table: table.qualified, bytes: String(bytes), bytesPlanned: table.bytes });
      onBytes(0);
      copied.push(await copyOnce({ job, lane, snapshot, source, target, onBytes }, table));
    }
    return copied;
  });
}

function readCopied(target: Session, job: Job, lane: LaneName, batch: Batch): Promise<CopiedTable[]> {
  return target.query<CopiedTable & Record<string, unknown>>(COPIED_SQL, [job.owner, lane, batch.tables]);
}

async function copyOnce(order: CopyOrder, table: TableToCopy): Promise<CopiedTable> {
  try {
    return await copyTable(order, table);
  } catch (error) {
    if (error instanceof AlreadyCopied) return error.copied;
    throw error;
  }
}
