/** What makes the loaded target ready to work: materialised views filled, statistics gathered. */
import { explained, sqlState } from '../classify-error.js';
import { withTarget } from '../job.js';
import type { Job } from '../job.js';
import type { Session } from '../session.js';

const VIEWS_SQL = `
  SELECT /* pgtrek: read-matviews */ r.qualified
  FROM pgtrek.relation r
    LEFT JOIN pgtrek.entry e ON e.owner = r.owner AND e.kind = 'MATERIALIZED VIEW' AND e.identity = r.qualified
    JOIN pg_class c ON c.oid = to_regclass(r.qualified)
  WHERE r.owner = $1 AND r.kind = 'm' AND r.has_data AND NOT c.relispopulated
  ORDER BY e.position, r.id`;

/**
 * In the order of the archive, which puts a view behind those that it reads, unless it reads them inside a function or a view
 * that is completed later: what meets a view that is not filled yet waits for it.
 */
export async function refreshViews(job: Job): Promise<void> {
  await withTarget(job, 'refresh', async (target) => {
    let waiting = (await target.query<{ qualified: string }>(VIEWS_SQL, [job.owner])).map(
      ({ qualified }) => qualified,
    );
    while (waiting.length > 0) {
      const failed = await refreshEach(target, waiting);
      if (failed.length === waiting.length) throw failed[0]?.error;
      waiting = failed.map(({ view }) => view);
    }
  });
}

async function refreshEach(target: Session, views: string[]): Promise<{ view: string; error: unknown }[]> {
  const failed = [];
  for (const view of views) {
    try {
      await explained({ doing: `refresh materialised view ${view}`, object: view }, () =>
        target.query(`REFRESH /* pgtrek: refresh-view */ MATERIALIZED VIEW ${view}`),
      );
    } catch (error) {
      // object_not_in_prerequisite_state: it reads a view that has not been populated.
      if (sqlState((error as Error).cause) !== '55000') throw error;
      failed.push({ view, error });
    }
  }
  return failed;
}

/**
 * Tables that nobody analyzed with their indexes, partitioned tables, materialised views; and tables with extended statistics,
 * which are restored after the indexes. pg_stats_ext shows those that hold something.
 */
const DUE_SQL = `
  SELECT /* pgtrek: plan-analyze */ r.id, r.qualified, r.kind = 'p' AS is_partitioned, r.root
  FROM pgtrek.relation r
    JOIN pg_class c ON c.oid = to_regclass(r.qualified)
    JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE r.owner = $1 AND r.kind IN ('r', 'p', 'm') AND (
    NOT r.is_analyzed
    OR EXISTS (
      SELECT FROM pg_statistic_ext s JOIN pg_namespace sn ON sn.oid = s.stxnamespace
      WHERE s.stxrelid = c.oid AND NOT EXISTS (
        SELECT FROM pg_stats_ext seen
        WHERE seen.statistics_schemaname = sn.nspname AND seen.statistics_name = s.stxname)))
  ORDER BY r.root, r.kind <> 'p', r.id`;

interface DueTable {
  id: number;
  qualified: string;
  is_partitioned: boolean;
  root: number;
}

const ANALYZED_SQL = `
  UPDATE /* pgtrek: record-analyzed */ pgtrek.relation SET is_analyzed = true
  WHERE owner = $1 AND (id = $2 OR ($3 AND root = $2))`;

/**
 * What has no statistics yet; autovacuum would never gather those of a partitioned table. Before 18 its partitions come along,
 * whether they have theirs or not.
 */
export async function analyzeTables(job: Job): Promise<void> {
  await withTarget(job, 'analyze', async (target) => {
    const alone = target.version >= 180000;
    const done = new Set<number>();
    const due = await target.query<DueTable & Record<string, unknown>>(DUE_SQL, [job.owner]);
    for (const { id, qualified, is_partitioned, root } of due) {
      if (done.has(root)) continue;
      const whole = is_partitioned && id === root && !alone;
      await explained({ doing: `analyze ${qualified}`, object: qualified }, () =>
        target.query(`ANALYZE /* pgtrek: analyze */ ${alone ? 'ONLY ' : ''}${qualified}`),
      );
      await target.query(ANALYZED_SQL, [job.owner, id, whole]);
      if (whole) done.add(root);
    }
  });
}
