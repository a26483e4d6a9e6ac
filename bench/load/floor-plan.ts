/** What the floor has to do, read from the source's catalog. */
import type { ClientConfig } from 'pg';
import { query } from './sql.js';
import { JOBS } from './subject.js';

/** Names and definitions are SQL: quoted where they must be. */
export interface FloorPlan {
  tables: FloorTable[];
  /** Those below the size of a job of their own, in as many batches as there are jobs. */
  smallTables: string[][];
  indexes: string[];
  smallIndexes: string[][];
  /** Unique indexes become keys: after the last build, as this waits for every build of its table. */
  keys: string[];
  sequences: string[];
}

export interface FloorTable {
  name: string;
  pages: number;
}

// A pair of psql costs some 20 ms of a core; this copies in about 50.
const SMALL_BYTES = 8 * 1024 * 1024;

const TABLES_SQL = `
  SELECT c.oid::regclass::text AS name, (pg_relation_size(c.oid) / current_setting('block_size')::int)::float8 AS pages,
    pg_table_size(c.oid)::float8 AS bytes
  FROM pg_class c
  WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
  ORDER BY bytes DESC, name`;

// A GIN index takes several times as long as a B-tree of its size.
const INDEXES_SQL = `
  SELECT pg_get_indexdef(i.indexrelid) AS build, pg_table_size(i.indrelid)::float8 AS "tableBytes",
    CASE WHEN o.oid IS NOT NULL THEN format(
      'ALTER TABLE %s ADD CONSTRAINT %I %s USING INDEX %I', i.indrelid::regclass, o.conname,
      CASE o.contype WHEN 'p' THEN 'PRIMARY KEY' ELSE 'UNIQUE' END, x.relname) END AS key
  FROM pg_index i
  JOIN pg_class c ON c.oid = i.indrelid
  JOIN pg_class x ON x.oid = i.indexrelid
  JOIN pg_am a ON a.oid = x.relam
  LEFT JOIN pg_constraint o ON o.conindid = i.indexrelid AND o.conrelid = i.indrelid AND o.contype IN ('p', 'u')
  WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
  ORDER BY pg_relation_size(i.indexrelid) * CASE a.amname WHEN 'gin' THEN 6 ELSE 1 END DESC, i.indexrelid`;

const SEQUENCES_SQL = `
  SELECT format('SELECT setval(%L, %s)', format('%I.%I', schemaname, sequencename), last_value) AS "set"
  FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL`;

interface IndexRow {
  build: string;
  tableBytes: number;
  key: string | null;
}

export async function readFloorPlan(source: ClientConfig): Promise<FloorPlan> {
  const tables = await query<FloorTable & { bytes: number }>(source, TABLES_SQL);
  const indexes = await query<IndexRow>(source, INDEXES_SQL);
  const sequences = await query<{ set: string }>(source, SEQUENCES_SQL);
  const smallTables = tables.filter(({ bytes }) => bytes < SMALL_BYTES);
  const smallIndexes = indexes.filter(({ tableBytes }) => tableBytes < SMALL_BYTES);
  return {
    tables: tables.filter(({ bytes }) => bytes >= SMALL_BYTES),
    smallTables: inBatches(smallTables.map(({ name }) => name)),
    indexes: indexes.filter(({ tableBytes }) => tableBytes >= SMALL_BYTES).map(({ build }) => build),
    smallIndexes: inBatches(smallIndexes.map(({ build }) => build)),
    keys: indexes.flatMap(({ key }) => (key === null ? [] : [key])),
    sequences: sequences.map(({ set }) => set),
  };
}

/** One for each job; dealt in turn, so that they are of about one size. */
function inBatches(items: string[]): string[][] {
  const batches = Array.from({ length: JOBS }, (_, batch) => items.filter((_, n) => n % JOBS === batch));
  return batches.filter((batch) => batch.length > 0);
}
