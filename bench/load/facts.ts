/** What must be the same on both servers, or a run has no figure. */
import type { ClientConfig } from 'pg';
import { query } from './sql.js';

const OWN_TABLES = `c.relkind IN ('r', 'p') AND n.nspname <> 'pgtrek' AND n.nspname !~ '^(pg_|information_schema)'`;

const TABLES_SQL = `
  SELECT c.oid::regclass::text AS name, EXISTS (SELECT FROM pg_statistic WHERE starelid = c.oid) AS analyzed
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE ${OWN_TABLES}`;

// Not those of kind n: before 18 NOT NULL is none.
const INDEXES_AND_CONSTRAINTS_SQL = `
  SELECT 'index ' || i.indexrelid::regclass || CASE WHEN i.indisvalid THEN '' ELSE ' is not valid' END AS fact
  FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE ${OWN_TABLES}
  UNION ALL
  SELECT 'constraint ' || o.conname || ' of ' || o.conrelid::regclass || CASE WHEN o.convalidated THEN '' ELSE ' is not valid' END
  FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE ${OWN_TABLES} AND o.contype IN ('p', 'u', 'f', 'c', 'x')`;

interface TableName {
  name: string;
}

/** Rows of every table, whether it has statistics, indexes and constraints: sorted lines. */
export async function readFacts(connection: ClientConfig): Promise<string[]> {
  const tables = await query<TableName & { analyzed: boolean }>(connection, TABLES_SQL);
  const rowsOf = await countRows(connection, tables);
  const others = await query<{ fact: string }>(connection, INDEXES_AND_CONSTRAINTS_SQL);
  return [
    ...tables.map(
      ({ name, analyzed }) =>
        `table ${name}: ${rowsOf.get(name) ?? '?'} rows, ${analyzed ? 'with' : 'without'} statistics`,
    ),
    ...others.map(({ fact }) => fact),
  ].sort();
}

// One statement cannot name thousands of tables, and one for each takes its time.
const COUNTED_AT_ONCE = 250;

async function countRows(connection: ClientConfig, tables: TableName[]): Promise<Map<string, string>> {
  const rowsOf = new Map<string, string>();
  for (let first = 0; first < tables.length; first += COUNTED_AT_ONCE) {
    const sql = countSql(tables.slice(first, first + COUNTED_AT_ONCE));
    for (const { name, rows } of await query<TableName & { rows: string }>(connection, sql)) {
      rowsOf.set(name, rows);
    }
  }
  return rowsOf;
}

function countSql(tables: TableName[]): string {
  const counts = tables.map(
    ({ name }) => `SELECT '${name.replaceAll("'", "''")}' AS name, count(*)::text AS rows FROM ${name}`,
  );
  return counts.join(' UNION ALL ');
}

const TOLD = 5;

/** Throws with the first differences. */
export function assertSameFacts(target: string[], source: string[]): void {
  const onTarget = new Set(target);
  const onSource = new Set(source);
  const missing = source.filter((fact) => !onTarget.has(fact)).map((fact) => `not on the target: ${fact}`);
  const foreign = target.filter((fact) => !onSource.has(fact)).map((fact) => `only on the target: ${fact}`);
  const differences = [...missing, ...foreign];
  if (differences.length === 0) return;
  const more = differences.length > TOLD ? `; and ${differences.length - TOLD} more` : '';
  throw new Error(`the result is wrong: ${differences.slice(0, TOLD).join('; ')}${more}`);
}
