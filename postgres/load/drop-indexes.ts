/** Takes indexes and keys from tables that are loaded once more: rows come in faster without them. */
import { explained, sqlState } from '../classify-error.js';
import type { Session } from '../session.js';
import { CONSTRAINT_EXISTS, INDEX_EXISTS } from './plan-indexes.js';

/** The keys of a partitioned table hold for its partitions, and keep them from being emptied. */
const FOREIGN_KEYS_SQL = `
  SELECT /* pgtrek: list-foreign-keys */ f.qualified AS table, f.constraint_name AS name
  FROM pgtrek.foreign_key f
    JOIN pgtrek.relation r ON r.owner = f.owner AND r.qualified = f.qualified
    JOIN pgtrek.relation refers ON refers.owner = f.owner AND refers.id = f.referenced
  WHERE f.owner = $1
    AND EXISTS (
      SELECT FROM pgtrek.relation t
      WHERE t.owner = f.owner AND t.id = ANY ($2::int[]) AND t.root IN (r.root, refers.root))
    AND EXISTS (
      SELECT FROM pg_constraint k
      WHERE k.conrelid = to_regclass(f.qualified) AND quote_ident(k.conname) = f.constraint_name AND k.contype = 'f')
  ORDER BY f.id`;

/** An index that is attached to its partitioned table's cannot be dropped without that; it stays. */
const INDEXES_SQL = `
  SELECT /* pgtrek: list-indexes */ r.qualified AS table, i.qualified AS index,
    CASE WHEN i.constraint_name IS NOT NULL AND ${CONSTRAINT_EXISTS} THEN i.constraint_name END AS constraint
  FROM pgtrek.table_index i
    JOIN pgtrek.relation r ON r.owner = i.owner AND r.id = i.relation
  WHERE i.owner = $1 AND i.relation = ANY ($2::int[]) AND ${INDEX_EXISTS}
    AND NOT (SELECT c.relispartition FROM pg_class c WHERE c.oid = to_regclass(i.qualified))
  ORDER BY i.id`;

const FORGET_SQL = `
  UPDATE /* pgtrek: forget-indexed */ pgtrek.relation r
  SET is_indexed = r.is_indexed AND NOT t.listed, is_analyzed = false
  FROM (
    SELECT r.id, r.id = ANY ($2::int[]) AS listed FROM pgtrek.relation r
    WHERE r.owner = $1 AND r.root IN (SELECT root FROM pgtrek.relation WHERE owner = $1 AND id = ANY ($2::int[]))
      AND (r.id = ANY ($2::int[]) OR r.kind = 'p')
  ) t
  WHERE r.owner = $1 AND r.id = t.id`;

/**
 * Drops what this migration built on the tables (ids of the ledger) and the foreign keys that touch them, in one transaction;
 * what is not there is let pass. An index that something else needs (a view that groups by a key) stays, as it only costs
 * time. Their partitioned tables are to be analyzed again. Throws SQL_FAILED, retryable when somebody held a table for 10
 * seconds.
 */
export async function dropIndexes(target: Session, owner: string, tables: number[]): Promise<void> {
  await explained({ doing: 'drop the indexes of tables that are loaded again' }, () =>
    target.transaction(async () => {
      // Everybody else would wait behind a DROP that waits.
      await target.query(`SET LOCAL lock_timeout = '10s'`);
      // First, as it locks the tables' rows: whoever finishes one at this moment is waited for, and comes no more.
      await target.query(FORGET_SQL, [owner, tables]);
      await dropForeignKeys(target, owner, tables);
      await dropOwnIndexes(target, owner, tables);
    }),
  );
}

async function dropForeignKeys(target: Session, owner: string, tables: number[]): Promise<void> {
  const keys = await target.query<{ table: string; name: string }>(FOREIGN_KEYS_SQL, [owner, tables]);
  for (const { table, name } of keys) {
    await target.query(`ALTER /* pgtrek: drop-foreign-key */ TABLE ${table} DROP CONSTRAINT ${name}`);
  }
}

async function dropOwnIndexes(target: Session, owner: string, tables: number[]): Promise<void> {
  const indexes = await target.query<{ table: string; index: string; constraint: string | null }>(
    INDEXES_SQL,
    [owner, tables],
  );
  for (const { table, index, constraint } of indexes) {
    await unlessNeeded(
      target,
      constraint === null
        ? `DROP /* pgtrek: drop-index */ INDEX ${index}`
        : `ALTER /* pgtrek: drop-key */ TABLE ONLY ${table} DROP CONSTRAINT ${constraint}`,
    );
  }
}

/** The transaction goes on behind an object that something else depends on. */
async function unlessNeeded(target: Session, statement: string): Promise<void> {
  await target.query('SAVEPOINT one');
  try {
    await target.query(statement);
  } catch (error) {
    if (sqlState(error) !== '2BP01') throw error;
    await target.query('ROLLBACK TO SAVEPOINT one');
  }
  await target.query('RELEASE SAVEPOINT one');
}
