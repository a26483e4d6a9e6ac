/** Builds the indexes and keys of tables after their data: unique index first, then the key that uses it. */
import type { Batch, IndexPlan } from '../../contract/activities.js';
import { explained, sqlState } from '../classify-error.js';
import { withTarget } from '../job.js';
import type { Job } from '../job.js';
import type { Session } from '../session.js';
import { cutBatches } from './plan-load.js';

interface PlannedIndex {
  table: string;
  qualified: string;
  index_sql: string | null;
  constraint_name: string | null;
  constraint_sql: string | null;
  follow_up_sql: string[];
  is_built: boolean;
}

const MISSING_TABLES_SQL = `
  SELECT /* pgtrek: plan-indexes */ r.id, r.qualified, r.bytes, count(*)::int AS indexes
  FROM pgtrek.table_index i JOIN pgtrek.relation r ON r.owner = i.owner AND r.id = i.relation
  WHERE i.owner = $1 AND (
    (i.constraint_name IS NULL AND to_regclass(i.qualified) IS NULL)
    OR (i.constraint_name IS NOT NULL AND NOT EXISTS (
      SELECT FROM pg_constraint k
      WHERE k.conrelid = to_regclass(r.qualified) AND quote_ident(k.conname) = i.constraint_name)))
  GROUP BY r.id, r.qualified, r.bytes
  ORDER BY r.bytes * count(*) DESC, r.id`;

/** Tables that still lack an index or key, the most work first. */
export async function planIndexes(job: Job): Promise<IndexPlan> {
  return withTarget(job, 'plan', async (target) => {
    const tables = await target.query<{ id: number; qualified: string; bytes: string; indexes: number }>(
      MISSING_TABLES_SQL,
      [job.owner],
    );
    const { keys } = await target.one<{ keys: number }>(
      'SELECT count(*)::int AS keys FROM pgtrek.foreign_key WHERE owner = $1',
      [job.owner],
    );
    const indexes = tables.reduce((sum, table) => sum + table.indexes, 0);
    return { batches: cutBatches(tables), indexes, foreignKeys: keys };
  });
}

const INDEXES_SQL = `
  SELECT /* pgtrek: read-batch-indexes */ r.qualified AS table, i.qualified, i.index_sql, i.constraint_name,
    i.constraint_sql, i.follow_up_sql,
    CASE WHEN i.constraint_name IS NULL THEN to_regclass(i.qualified) IS NOT NULL
      ELSE EXISTS (
        SELECT FROM pg_constraint k
        WHERE k.conrelid = to_regclass(r.qualified) AND quote_ident(k.conname) = i.constraint_name)
    END AS is_built
  FROM pgtrek.table_index i JOIN pgtrek.relation r ON r.owner = i.owner AND r.id = i.relation
  WHERE i.owner = $1 AND i.relation = ANY ($2::int[])
  ORDER BY array_position($2::int[], i.relation), i.constraint_name IS NULL, i.id`;

/** Catalog-first: what is there is not built again. */
export async function buildIndexes(job: Job, batch: Batch): Promise<{ indexes: number }> {
  return withTarget(job, 'index', async (target) => {
    await target.query(`SELECT set_config('maintenance_work_mem', $1, false)`, [
      job.spec.load.maintenanceWorkMem,
    ]);
    const indexes = await target.query<PlannedIndex & Record<string, unknown>>(INDEXES_SQL, [
      job.owner,
      batch.tables,
    ]);
    const missing = indexes.filter((index) => !index.is_built);
    for (const index of missing) await buildIndex(target, index);
    return { indexes: missing.length };
  });
}

/** Index, key and what belongs to them in one transaction: where the index or key is, all of it is. */
async function buildIndex(target: Session, index: PlannedIndex): Promise<void> {
  const { table, qualified, index_sql, constraint_name, constraint_sql, follow_up_sql } = index;
  const object = constraint_name ? `constraint ${constraint_name} of ${table}` : `index ${qualified}`;
  await explained({ code: 'INDEX_FAILED', doing: `build ${object}`, object: qualified, remedy: REMEDY }, () =>
    unlessThere(() =>
      target.transaction(async () => {
        if (index_sql !== null) await target.query(taggedIndex(index_sql));
        if (constraint_name !== null && constraint_sql !== null) {
          await target.query(
            `ALTER /* pgtrek: add-key */ TABLE ONLY ${table} ADD CONSTRAINT ${constraint_name} ${constraint_sql}`,
          );
        }
        for (const statement of follow_up_sql) await target.query(statement);
      }),
    ),
  );
}

const REMEDY = 'Mend the data or the definition that the message names, on the target, then retry.';

function taggedIndex(sql: string): string {
  return sql.replace(/^CREATE /, 'CREATE /* pgtrek: create-index */ ');
}

/** Another attempt, which still runs somewhere, may have made the object since we looked. */
async function unlessThere(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    // duplicate_table (indexes too), duplicate_object; two CREATE INDEX at once collide in pg_class itself.
    const state = sqlState(error);
    const inCatalog = state === '23505' && (error as { schema?: string }).schema === 'pg_catalog';
    if (state !== '42P07' && state !== '42710' && !inCatalog) throw error;
  }
}

interface PlannedKey {
  qualified: string;
  constraint_name: string;
  definition: string;
  is_partitioned: boolean;
  is_validated: boolean;
  added: boolean;
  validated: boolean;
}

const KEYS_SQL = `
  SELECT /* pgtrek: read-foreign-keys */ f.qualified, f.constraint_name, f.definition, f.is_partitioned, f.is_validated,
    k.oid IS NOT NULL AS added, coalesce(k.convalidated, false) AS validated
  FROM pgtrek.foreign_key f
    LEFT JOIN pg_constraint k
      ON k.conrelid = to_regclass(f.qualified) AND quote_ident(k.conname) = f.constraint_name AND k.contype = 'f'
  WHERE f.owner = $1
  ORDER BY f.id`;

/** NOT VALID first, which is instantaneous, then VALIDATE, which reads the tables but blocks nobody. */
export async function buildForeignKeys(job: Job): Promise<{ constraints: number }> {
  return withTarget(job, 'keys', async (target) => {
    const keys = await target.query<PlannedKey & Record<string, unknown>>(KEYS_SQL, [job.owner]);
    for (const key of keys) await buildForeignKey(target, key);
    return { constraints: keys.length };
  });
}

async function buildForeignKey(target: Session, key: PlannedKey): Promise<void> {
  const name = `${key.constraint_name} of ${key.qualified}`;
  await explained({ doing: `add foreign key ${name}`, object: key.qualified, remedy: REMEDY }, async () => {
    const later = key.is_validated && !key.is_partitioned;
    if (!key.added) {
      await unlessThere(() =>
        target.query(
          `ALTER /* pgtrek: add-foreign-key */ TABLE ${key.qualified} ADD CONSTRAINT ${key.constraint_name} ${key.definition}${later ? ' NOT VALID' : ''}`,
        ),
      );
    }
    if (later && !key.validated) {
      await target.query(
        `ALTER /* pgtrek: validate-foreign-key */ TABLE ${key.qualified} VALIDATE CONSTRAINT ${key.constraint_name}`,
      );
    }
  });
}
