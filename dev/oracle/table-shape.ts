import type { Client } from 'pg';
import { escapeIdentifier } from 'pg';
import type { TableName } from './decoded-change.js';

/** What replay and comparison must know of a table. */
export interface TableShape {
  /** Quoted and with its schema. */
  name: string;
  /** Rising, without dropped ones. */
  columns: string[];
  /** SQL types by column. */
  types: Map<string, string>;
  generated: string[];
  /** How the WAL names a row, best first: the replica identity's index, then the primary key. Empty: by all values. */
  keys: string[][];
}

export interface ShapeOptions {
  /** Default: every schema of the user's. */
  schemas?: string[] | undefined;
  /** Unlogged tables have no changes in the WAL, so a replayed baseline cannot have them. */
  withUnlogged: boolean;
}

// Rows live in plain tables and in leaves; a materialised view has no rows of its own.
const READ_SHAPES = `
  /* pgtrek: oracle */
  SELECT n.nspname AS schema, c.relname AS table, a.columns, a.types, a.generated, k.identity, k.primary
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  CROSS JOIN LATERAL (
    SELECT
      coalesce(array_agg(attname::text ORDER BY attname::text COLLATE "C"), '{}') AS columns,
      coalesce(array_agg(format_type(atttypid, atttypmod) ORDER BY attname::text COLLATE "C"), '{}') AS types,
      coalesce(array_agg(attname::text) FILTER (WHERE attgenerated <> ''), '{}') AS generated
    FROM pg_catalog.pg_attribute
    WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
  ) AS a
  CROSS JOIN LATERAL (
    SELECT
      array_agg(attname::text) FILTER (WHERE i.indisreplident) AS identity,
      array_agg(attname::text) FILTER (WHERE i.indisprimary) AS primary
    FROM pg_catalog.pg_index AS i
    JOIN pg_catalog.pg_attribute AS k ON k.attrelid = i.indrelid AND k.attnum = ANY (i.indkey[0:i.indnkeyatts - 1])
    WHERE i.indrelid = c.oid
  ) AS k
  WHERE c.relkind = 'r'
    AND c.relpersistence = ANY ($1)
    AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pgtrek')
    AND n.nspname !~ '^pg_(toast|temp)'
    AND ($2::text[] IS NULL OR n.nspname = ANY ($2))
  ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`;

interface ShapeRow {
  schema: string;
  table: string;
  columns: string[];
  types: string[];
  generated: string[];
  identity: string[] | null;
  primary: string[] | null;
}

/** The user's tables by their quoted names. */
export async function readTableShapes(
  client: Client,
  options: ShapeOptions,
): Promise<Map<string, TableShape>> {
  const persistence = options.withUnlogged ? ['p', 'u'] : ['p'];
  const { rows } = await client.query<ShapeRow>(READ_SHAPES, [persistence, options.schemas ?? null]);
  return new Map(
    rows.map((row) => {
      const shape = toShape(row);
      return [shape.name, shape];
    }),
  );
}

function toShape(row: ShapeRow): TableShape {
  return {
    name: quoteTable(row),
    columns: row.columns,
    types: new Map(row.columns.map((name, index) => [name, row.types[index] ?? 'text'])),
    generated: row.generated,
    keys: [row.identity, row.primary].filter((key) => key !== null),
  };
}

const READ_ROWLESS = `
  /* pgtrek: oracle */
  SELECT n.nspname AS schema, c.relname AS table
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('p', 'm')`;

/** Names that decoding shows, but that hold no rows to replay: roots of partitions (TRUNCATE) and materialised views. */
export async function readRowlessNames(client: Client): Promise<Set<string>> {
  const { rows } = await client.query<TableName>(READ_ROWLESS);
  return new Set(rows.map(quoteTable));
}

export function quoteTable({ schema, table }: TableName): string {
  return `${escapeIdentifier(schema)}.${escapeIdentifier(table)}`;
}
