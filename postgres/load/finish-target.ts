/** What makes the loaded target ready to work: materialised views filled, statistics gathered. */
import { explained } from '../classify-error.js';
import { withTarget } from '../job.js';
import type { Job } from '../job.js';

const VIEWS_SQL = `
  SELECT /* pgtrek: read-matviews */ r.qualified
  FROM pgtrek.relation r
    LEFT JOIN pgtrek.entry e ON e.owner = r.owner AND e.kind = 'MATERIALIZED VIEW' AND e.identity = r.qualified
    JOIN pg_class c ON c.oid = to_regclass(r.qualified)
  WHERE r.owner = $1 AND r.kind = 'm' AND r.has_data AND NOT c.relispopulated
  ORDER BY e.position`;

/** In the order of the archive, which puts a view behind those that it reads. */
export async function refreshViews(job: Job): Promise<void> {
  await withTarget(job, 'refresh', async (target) => {
    for (const { qualified } of await target.query<{ qualified: string }>(VIEWS_SQL, [job.owner])) {
      await explained({ doing: `refresh materialised view ${qualified}`, object: qualified }, () =>
        target.query(`REFRESH /* pgtrek: refresh-view */ MATERIALIZED VIEW ${qualified}`),
      );
    }
  });
}

const ANALYZE_SQL = `
  SELECT /* pgtrek: plan-analyze */ qualified FROM pgtrek.relation
  WHERE owner = $1 AND kind IN ('r', 'p', 'm') AND root = id
  ORDER BY id`;

/** A partitioned table brings its partitions along; autovacuum would never analyze it. */
export async function analyzeTables(job: Job): Promise<void> {
  await withTarget(job, 'analyze', async (target) => {
    const tables = await target.query<{ qualified: string }>(ANALYZE_SQL, [job.owner]);
    for (const { qualified } of tables) await target.query(`ANALYZE /* pgtrek: analyze */ ${qualified}`);
  });
}
