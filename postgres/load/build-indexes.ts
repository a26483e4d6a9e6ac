/** Builds the indexes of tables that have their rows; whoever builds a table's last one finishes the table. */
import type { IndexTask } from '../../contract/activities.js';
import { explained } from '../classify-error.js';
import { withTarget } from '../job.js';
import type { Job } from '../job.js';
import type { Session } from '../session.js';
import { unlessThere } from '../unless-there.js';
import { finishTable, gatherStatistics } from './finish-table.js';
import { INDEX_EXISTS } from './plan-indexes.js';

interface PlannedIndex {
  id: number;
  qualified: string;
  index_sql: string;
  is_built: boolean;
}

/** $3: ids of indexes; null for all. Those that a constraint makes for itself come when the table is finished. */
const INDEXES_SQL = `
  SELECT /* pgtrek: read-task-indexes */ i.id, i.qualified, i.index_sql,
    r.is_indexed OR ${INDEX_EXISTS} AS is_built
  FROM pgtrek.table_index i JOIN pgtrek.relation r ON r.owner = i.owner AND r.id = i.relation
  WHERE i.owner = $1 AND i.relation = ANY ($2::int[]) AND i.index_sql IS NOT NULL
    AND ($3::int[] IS NULL OR i.id = ANY ($3::int[]))
  ORDER BY array_position($2::int[], i.relation), i.bytes DESC, i.id`;

/**
 * Catalog-first: what is there is not built again. `workers`: parallel maintenance workers of each build. Returns how many
 * of the task's indexes are there now, whoever built them. Throws INDEX_FAILED.
 */
export async function buildIndexes(
  job: Job,
  { tables, indexes }: IndexTask,
  workers: number,
): Promise<{ indexes: number }> {
  return withTarget(job, 'index', async (target) => {
    await target.query(SETTINGS_SQL, [job.spec.load.maintenanceWorkMem, String(workers)]);
    const planned = await target.query<PlannedIndex & Record<string, unknown>>(INDEXES_SQL, [
      job.owner,
      tables,
      indexes ?? null,
    ]);
    for (const index of planned.filter(({ is_built }) => !is_built)) await buildIndex(target, job, index);
    let made = planned.length;
    for (const table of tables) made += await finishTable(target, job.owner, table);
    await gatherStatistics(target, job.owner, tables);
    return { indexes: made };
  });
}

const SETTINGS_SQL = `
  SELECT /* pgtrek: set-index-memory */ set_config('maintenance_work_mem', $1, false),
    set_config('max_parallel_maintenance_workers', $2, false)`;

const REMEDY = 'Mend the data or the definition that the message names, on the target, then retry.';

/** Committed by itself. */
async function buildIndex(
  target: Session,
  job: Job,
  { id, qualified, index_sql }: PlannedIndex,
): Promise<void> {
  const doing = `build index ${qualified}`;
  await explained({ code: 'INDEX_FAILED', doing, object: qualified, remedy: REMEDY }, () =>
    unlessThere(
      async () => (await target.one<{ built: boolean }>(BUILT_SQL, [job.owner, id])).built,
      () => target.query(index_sql.replace(/^CREATE /, 'CREATE /* pgtrek: create-index */ ')),
    ),
  );
}

const BUILT_SQL = `
  SELECT /* pgtrek: look-for-index */ ${INDEX_EXISTS} AS built
  FROM pgtrek.table_index i JOIN pgtrek.relation r ON r.owner = i.owner AND r.id = i.relation
  WHERE i.owner = $1 AND i.id = $2`;
