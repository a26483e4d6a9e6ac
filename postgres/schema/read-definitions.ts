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
    -- Set for exclusion constraints and for WITHOUT OVERLAPS.
    CASE WHEN NOT i.indisexclusion THEN pg_get_indexdef(i.indexrelid) END AS "indexSql",
    quote_ident(con.conname) AS "constraintName",
    CASE WHEN NOT i.indisexclusion AND con.contype IS NOT NULL
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
    ) || ARRAY(
      SELECT format('ALTER INDEX %I.%I DEPENDS ON EXTENSION %I', n.nspname, ic.relname, e.extname)
      FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
      WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid AND d.deptype = 'x'
        AND d.refclassid = 'pg_extension'::regclass
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
  /** SELECT of the values, as text in one column, that lack a partner; null for keys with PERIOD. */
  violationsSql: string | null;
  comment: string | null;
  /** What an archive calls its comment, without quotes. */
  contentsTag: string;
}

/**
 * As the server's own check has it: its equality operators, which need not be of the search_path, and the referenced column's
 * collation. With MATCH FULL a key that is null in part lacks its partner, and a tuple with a null equals none.
 */
const PAIRS_SQL = `
  SELECT
    string_agg(format('coalesce(left(fk.%I::text, 60), ''null'')', fa.attname), ', ' ORDER BY n) AS shown,
    string_agg(format('fk.%I IS NOT NULL', fa.attname), CASE k.confmatchtype WHEN 'f' THEN ' OR ' ELSE ' AND ' END ORDER BY n)
      AS given,
    string_agg(format('pk.%I%s OPERATOR(%I.%s) fk.%I', pa.attname,
      CASE WHEN pa.attcollation <> fa.attcollation AND pa.attcollation <> 0
        THEN format(' COLLATE %I.%I', cn.nspname, pc.collname) ELSE '' END,
      opn.nspname, op.oprname, fa.attname), ' AND ' ORDER BY n) AS equal
  FROM unnest(k.conkey, k.confkey, k.conpfeqop) WITH ORDINALITY AS pair (fk, pk, op, n)
    JOIN pg_attribute fa ON fa.attrelid = k.conrelid AND fa.attnum = pair.fk
    JOIN pg_attribute pa ON pa.attrelid = k.confrelid AND pa.attnum = pair.pk
    JOIN pg_operator op ON op.oid = pair.op
    JOIN pg_namespace opn ON opn.oid = op.oprnamespace
    LEFT JOIN pg_collation pc ON pc.oid = pa.attcollation
    LEFT JOIN pg_namespace cn ON cn.oid = pc.collnamespace`;

/** A partitioned table stands for its partitions; what inherits from an ordinary one is no part of it. */
const FOREIGN_KEYS_SQL = `
  SELECT /* pgtrek: read-foreign-keys */ k.oid AS oid, k.conrelid AS "tableOid",
    k.confrelid AS "referencedOid",
    format('%I.%I', n.nspname, c.relname) AS qualified,
    quote_ident(k.conname) AS "constraintName",
    pg_get_constraintdef(k.oid) AS definition,
    c.relkind = 'p' AS "isPartitioned",
    k.convalidated AS "isValidated",
    CASE WHEN to_jsonb(k)->>'conperiod' IS DISTINCT FROM 'true' THEN format(
      'SELECT ''('' || concat_ws('', '', %s) || '')'' AS value FROM %s%I.%I fk WHERE (%s) AND NOT EXISTS (SELECT FROM %s%I.%I pk WHERE %s)',
      pairs.shown, CASE c.relkind WHEN 'r' THEN 'ONLY ' ELSE '' END, n.nspname, c.relname, pairs.given,
      CASE rc.relkind WHEN 'r' THEN 'ONLY ' ELSE '' END, rn.nspname, rc.relname, pairs.equal) END AS "violationsSql",
    obj_description(k.oid, 'pg_constraint') AS comment,
    replace(format('%s CONSTRAINT %s ON %s', n.nspname, k.conname, c.relname), '"', '') AS "contentsTag"
  FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_class rc ON rc.oid = k.confrelid
    JOIN pg_namespace rn ON rn.oid = rc.relnamespace
    CROSS JOIN LATERAL (${PAIRS_SQL}) AS pairs
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
