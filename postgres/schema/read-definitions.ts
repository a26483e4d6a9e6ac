/** What the load engine must know of the source's tables, indexes and keys, read in the dump's snapshot. */
import type { PartialTable } from '../partial-tables.js';
import type { Session } from '../session.js';

export interface TableColumns {
  oid: number;
  /** Quoted and comma-separated, without generated columns; '' for a table without columns. */
  columns: string;
  /** True when binary COPY is safe: every column has the same built-in type on both ends. */
  isBinary: boolean;
}

/**
 * Binary COPY needs types whose oids are fixed in every server: those that initdb makes. Left to text: arrays and
 * ranges of anything else, and reg* types, aclitem and the like, whose values are oids of this server.
 */
const COLUMNS_SQL = `
  SELECT /* pgtrek: read-columns */ c.oid AS oid,
    coalesce(string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum), '') AS columns,
    coalesce(bool_and(
      t.oid < 10000 AND t.typtype = 'b' AND t.typsend <> 0 AND t.typreceive <> 0
      AND t.typname !~ '^_?(reg|acl)' AND coalesce(e.oid, 0) < 10000
    ), true) AS is_binary
  FROM pg_class c
    LEFT JOIN pg_attribute a
      ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
        AND coalesce($2::jsonb->c.oid::text ? a.attname::text, true)
    LEFT JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_type e ON e.oid = t.typelem
  WHERE c.oid = ANY ($1::oid[])
  GROUP BY c.oid`;

/** By oid; of partial tables only what travels. */
export async function readColumns(
  source: Session,
  tables: number[],
  partial: Map<number, PartialTable>,
): Promise<Map<number, TableColumns>> {
  const wanted = [...partial].flatMap(([oid, { columns }]) => (columns ? [[oid, columns]] : []));
  const rows = await source.query<{ oid: number; columns: string; is_binary: boolean }>(COLUMNS_SQL, [
    tables,
    JSON.stringify(Object.fromEntries(wanted)),
  ]);
  return new Map(rows.map(({ oid, columns, is_binary }) => [oid, { oid, columns, isBinary: is_binary }]));
}

export interface IndexDefinition {
  oid: number;
  tableOid: number;
  constraintOid: number | null;
  /** Quoted, with schema. */
  qualified: string;
  /** Null when the constraint makes its own index (exclusion, WITHOUT OVERLAPS). */
  indexSql: string | null;
  constraintName: string | null;
  /** What follows ADD CONSTRAINT name. */
  constraintSql: string | null;
  /** What pg_dump writes behind an index: that it is the replica identity, or the order of CLUSTER, and targets. */
  followUpSql: string[];
  /** pg_relation_size, as text. */
  bytes: string;
}

/**
 * Valid indexes of ordinary tables and leaf partitions. A partitioned table's own index is an empty shell that its
 * leaves are attached to: pg_restore makes both.
 */
const INDEXES_SQL = `
  SELECT /* pgtrek: read-indexes */ i.indexrelid AS oid, i.indrelid AS "tableOid",
    con.oid AS "constraintOid",
    format('%I.%I', n.nspname, ic.relname) AS qualified,
    CASE WHEN coalesce(con.contype, 'p') IN ('p', 'u') AND coalesce(con.definition, '') !~ 'WITHOUT OVERLAPS'
      THEN pg_get_indexdef(i.indexrelid) END AS "indexSql",
    quote_ident(con.conname) AS "constraintName",
    CASE WHEN con.contype IN ('p', 'u') AND con.definition !~ 'WITHOUT OVERLAPS'
      THEN format('%s USING INDEX %I%s%s',
        CASE con.contype WHEN 'p' THEN 'PRIMARY KEY' ELSE 'UNIQUE' END, ic.relname,
        CASE WHEN con.condeferrable THEN ' DEFERRABLE' ELSE '' END,
        CASE WHEN con.condeferred THEN ' INITIALLY DEFERRED' ELSE '' END)
      ELSE con.definition END AS "constraintSql",
    array_remove(ARRAY[
      CASE WHEN i.indisreplident
        THEN format('ALTER TABLE ONLY %s REPLICA IDENTITY USING INDEX %I', tables.qualified, ic.relname) END,
      CASE WHEN i.indisclustered
        THEN format('ALTER TABLE ONLY %s CLUSTER ON %I', tables.qualified, ic.relname) END
    ] || ARRAY(
      SELECT format('ALTER INDEX %I.%I ALTER COLUMN %s SET STATISTICS %s', n.nspname, ic.relname, a.attnum, a.attstattarget)
      FROM pg_attribute a WHERE a.attrelid = i.indexrelid AND a.attstattarget >= 0
    ), NULL) AS "followUpSql",
    coalesce(pg_relation_size(i.indexrelid), 0)::text AS bytes
  FROM pg_index i
    CROSS JOIN LATERAL (
      SELECT format('%I.%I', tn.nspname, tc.relname) AS qualified
      FROM pg_class tc JOIN pg_namespace tn ON tn.oid = tc.relnamespace WHERE tc.oid = i.indrelid
    ) AS tables
    JOIN pg_class ic ON ic.oid = i.indexrelid
    JOIN pg_namespace n ON n.oid = ic.relnamespace
    LEFT JOIN LATERAL (
      SELECT k.*, pg_get_constraintdef(k.oid) AS definition FROM pg_constraint k
      WHERE k.conindid = i.indexrelid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u', 'x')
    ) con ON true
  WHERE i.indrelid = ANY ($1::oid[]) AND i.indisvalid AND ic.relkind = 'i'
  ORDER BY pg_relation_size(i.indexrelid) DESC, i.indexrelid`;

export async function readIndexes(source: Session, tables: number[]): Promise<IndexDefinition[]> {
  return source.query<IndexDefinition & Record<string, unknown>>(INDEXES_SQL, [tables]);
}

export interface ForeignKeyDefinition {
  oid: number;
  tableOid: number;
  referencedOid: number;
  qualified: string;
  constraintName: string;
  definition: string;
  isPartitioned: boolean;
  isValidated: boolean;
}

const FOREIGN_KEYS_SQL = `
  SELECT /* pgtrek: read-foreign-keys */ k.oid AS oid, k.conrelid AS "tableOid",
    k.confrelid AS "referencedOid",
    format('%I.%I', n.nspname, c.relname) AS qualified,
    quote_ident(k.conname) AS "constraintName",
    pg_get_constraintdef(k.oid) AS definition,
    c.relkind = 'p' AS "isPartitioned",
    k.convalidated AS "isValidated"
  FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE k.contype = 'f' AND k.conparentid = 0 AND k.conrelid = ANY ($1::oid[])
  ORDER BY k.oid`;

/** Keys that a table has itself: those that a partition inherits come with the root's. */
export async function readForeignKeys(source: Session, tables: number[]): Promise<ForeignKeyDefinition[]> {
  return source.query<ForeignKeyDefinition & Record<string, unknown>>(FOREIGN_KEYS_SQL, [tables]);
}

const POPULATED_SQL = `
  SELECT /* pgtrek: read-matviews */ oid AS oid FROM pg_class
  WHERE relkind = 'm' AND relispopulated AND oid = ANY ($1::oid[])`;

/** Materialised views that hold rows on the source, and so are refreshed on the target. */
export async function readPopulated(source: Session, views: number[]): Promise<Set<number>> {
  const rows = await source.query<{ oid: number }>(POPULATED_SQL, [views]);
  return new Set(rows.map(({ oid }) => oid));
}
