/** Cuts the tables into batches that one activity copies: big ones alone, small ones together. */
import type { Batch, LoadPlan } from '../../contract/activities.js';
import type { LaneName } from '../../contract/names.js';
import type { TableRow } from '../../contract/state.js';
import { withTarget } from '../job.js';
import type { Job } from '../job.js';
import type { Session } from '../session.js';

/** An activity costs 65 ms of a slot; 32 MB take a second or so. */
const BATCH_BYTES = 32n * 1024n * 1024n;
/** Many tiny tables cost a round trip each: 100 of them take a second or two. */
const BATCH_TABLES = 100;

interface Sized {
  id: number;
  qualified: string;
  bytes: string;
}

const WAITING_SQL = `
  SELECT /* pgtrek: plan-load */ r.id, r.qualified, r.bytes
  FROM pgtrek.relation r
  WHERE r.owner = $1 AND r.kind = 'r' AND r.has_data
    AND NOT EXISTS (
      SELECT FROM pgtrek.copied c WHERE c.owner = r.owner AND c.lane = $2 AND c.relation = r.id
    )
  ORDER BY r.bytes DESC, r.id`;

/** Registers the lane as the one that loads, and plans the tables that it has not copied yet. */
export async function planLoad(job: Job, lane: LaneName): Promise<LoadPlan> {
  return withTarget(job, 'plan', async (target) => {
    await target.query(
      `INSERT INTO pgtrek.lane (owner, lane, status) VALUES ($1, $2, 'loading') ON CONFLICT DO NOTHING`,
      [job.owner, lane],
    );
    const tables = await target.query<Sized & Record<string, unknown>>(WAITING_SQL, [job.owner, lane]);
    const total = tables.reduce((sum, { bytes }) => sum + BigInt(bytes), 0n);
    return { batches: cutBatches(tables), tables: tables.length, bytes: total.toString() };
  });
}

/** Keeps the order; a batch never holds more than BATCH_BYTES unless it is one table. */
export function cutBatches(tables: Sized[]): Batch[] {
  const batches: Batch[] = [];
  let open: Sized[] = [];
  let size = 0n;
  const close = () => {
    if (open.length > 0) batches.push(makeBatch(open, size));
    open = [];
    size = 0n;
  };
  for (const table of tables) {
    const bytes = BigInt(table.bytes);
    if (size + bytes > BATCH_BYTES || open.length >= BATCH_TABLES) close();
    open.push(table);
    size += bytes;
  }
  close();
  return batches;
}

function makeBatch(tables: Sized[], bytes: bigint): Batch {
  const [first] = tables;
  const others = tables.length > 1 ? ` and ${tables.length - 1} more` : '';
  return {
    tables: tables.map(({ id }) => id),
    label: `${first?.qualified ?? ''}${others}`,
    bytes: bytes.toString(),
  };
}

const ROWS_SQL = `
  SELECT /* pgtrek: read-tables */ r.qualified AS table,
    CASE
      WHEN l.status IN ('applying', 'stopped') THEN 'ready'
      WHEN l.status = 'copied' OR c.relation IS NOT NULL THEN 'copied'
      ELSE 'waiting'
    END AS status,
    r.bytes AS "bytesPlanned", coalesce(c.bytes, 0)::text AS "bytesCopied", coalesce(c.rows, 0)::text AS rows
  FROM pgtrek.relation r
    LEFT JOIN pgtrek.lane l ON l.owner = r.owner AND l.status <> 'dropped'
    LEFT JOIN pgtrek.copied c ON c.owner = r.owner AND c.relation = r.id AND c.lane = l.lane
  WHERE r.owner = $1 AND r.kind = 'r' AND r.has_data
  ORDER BY r.id
  OFFSET $2 LIMIT $3`;

export async function readTables(job: Job, offset: number, limit: number): Promise<TableRow[]> {
  return withTarget(job, 'tables', (target: Session) =>
    target.query<TableRow & Record<string, unknown>>(ROWS_SQL, [job.owner, offset, limit]),
  );
}
