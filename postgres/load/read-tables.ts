/** How far each table is, by the ledger. */
import type { TableRow } from '../../contract/state.js';
import { withTarget } from '../job.js';
import type { Job } from '../job.js';
import { upgradeLedger } from '../ledger/create-ledger.js';

const ROWS_SQL = `
  SELECT /* pgtrek: read-tables */ r.qualified AS table,
    CASE
      WHEN l.status IN ('applying', 'stopped') THEN 'ready'
      WHEN l.status = 'copied' OR c.whole OR c.parts >= p.parts THEN 'copied'
      WHEN c.parts > 0 THEN 'copying'
      ELSE 'waiting'
    END AS status,
    r.bytes AS "bytesPlanned", c.bytes AS "bytesCopied", c.rows,
    p.parts, CASE WHEN c.whole OR l.status IN ('copied', 'applying', 'stopped') THEN p.parts ELSE c.parts END AS "partsCopied"
  FROM pgtrek.relation r
    LEFT JOIN pgtrek.lane l ON l.owner = r.owner AND l.lane = r.lane AND l.status <> 'dropped'
    CROSS JOIN LATERAL (
      SELECT greatest(count(*), 1)::int AS parts FROM pgtrek.part
      WHERE owner = r.owner AND relation = r.id
    ) p
    CROSS JOIN LATERAL (
      SELECT count(*)::int AS parts, coalesce(bool_or(part = 0), false) AS whole,
        coalesce(sum(rows), 0)::text AS rows, coalesce(sum(bytes), 0)::text AS bytes
      FROM pgtrek.copied WHERE owner = r.owner AND lane = l.lane AND relation = r.id
    ) c
  WHERE r.owner = $1 AND r.kind = 'r' AND r.has_data
  ORDER BY r.id
  OFFSET $2 LIMIT $3`;

/** One page of the tables whose rows travel; leaves of partitioned tables each for itself. */
export async function readTables(job: Job, offset: number, limit: number): Promise<TableRow[]> {
  return withTarget(job, 'tables', async (target) => {
    await upgradeLedger(target);
    return target.query<TableRow & Record<string, unknown>>(ROWS_SQL, [job.owner, offset, limit]);
  });
}
