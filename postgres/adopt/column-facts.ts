/** What the source's catalogs say of the columns that an adoption alters. */
import type { Session } from '../session.js';

export interface ColumnFacts {
  /** Of the table. */
  oid: number;
  attnum: number;
  /** Quoted. */
  name: string;
  /** With its collation where that is not the type's. */
  type: string;
  typeOid: number;
  typmod: number;
  notNull: boolean;
  /** `a`, `d` or ''. */
  identity: string;
  /** `s`, `v` or ''. */
  generated: string;
  /** Of a default, or of a generated column. */
  expression: string | null;
  /** Array literal with the value that rows have which are older than the column; null: rows were rewritten, or it is null. */
  missing: string | null;
  /** That value. */
  older: string | null;
  /** Word of ALTER COLUMN … SET STORAGE. */
  storage: string;
  /** Before 14 there is none. */
  compression: string;
}

function factsSql(version: number): string {
  return `
  SELECT /* pgtrek: read-column-facts */ a.attrelid AS oid, a.attnum, quote_ident(a.attname) AS name,
    concat_ws(' ', format_type(a.atttypid, a.atttypmod),
      CASE WHEN a.attcollation <> t.typcollation
        THEN (SELECT format('COLLATE %I.%I', n.nspname, o.collname) FROM pg_collation o
          JOIN pg_namespace n ON n.oid = o.collnamespace WHERE o.oid = a.attcollation) END) AS type,
    a.atttypid AS "typeOid", a.atttypmod AS typmod, a.attnotnull AS "notNull", a.attidentity::text AS identity,
    a.attgenerated::text AS generated, pg_get_expr(d.adbin, d.adrelid) AS expression,
    CASE WHEN a.atthasmissing THEN a.attmissingval::text END AS missing,
    CASE WHEN a.atthasmissing THEN (a.attmissingval::text::text[])[1] END AS older,
    CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END AS storage,
    ${version >= 140000 ? `CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' ELSE 'default' END` : `''`} AS compression
  FROM pg_attribute a
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
  ORDER BY a.attrelid, a.attnum`;
}

/** By `column/<oid>/<attnum>`, as a fingerprint names them. */
export async function readColumnFacts(source: Session, tables: number[]): Promise<Map<string, ColumnFacts>> {
  const rows = await source.query<ColumnFacts & Record<string, unknown>>(factsSql(source.version), [tables]);
  return new Map(rows.map((row) => [`column/${String(row.oid)}/${String(row.attnum)}`, row]));
}

const PARENTS_SQL = `
  SELECT /* pgtrek: read-parents */ i.inhrelid AS child, i.inhparent AS parent FROM pg_inherits i`;

/** Of partitions and of tables that inherit: what they get from above is not altered once more. */
export async function readParents(source: Session): Promise<Map<number, number[]>> {
  const parents = new Map<number, number[]>();
  for (const { child, parent } of await source.query<{ child: number; parent: number }>(PARENTS_SQL))
    parents.set(child, [...(parents.get(child) ?? []), parent]);
  return parents;
}

/** When its first column was made, and when it became a partition; oid is cast, as it may be above 2^31. */
const ATTACHED_SQL = `
  SELECT /* pgtrek: read-attachments */ c.oid, format('%I.%I', n.nspname, c.relname) AS name, c.relkind::text AS kind,
    i.xmin::text AS attached,
    NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = 1 AND a.xmin <> i.xmin) AS "atOnce"
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_inherits i ON i.inhrelid = c.oid
  WHERE c.oid = ANY ($1::oid[])`;

/**
 * Which of these new partitions may hold rows that were not sent, as they were written before the table became one: of a table
 * that was attached later, any; of one that was made and attached in one transaction, those of that transaction.
 */
export async function findUnsent(source: Session, partitions: number[]): Promise<number[]> {
  const rows = await source.query<{
    oid: number;
    name: string;
    kind: string;
    attached: string;
    atOnce: boolean;
  }>(ATTACHED_SQL, [partitions]);
  const unsent: number[] = [];
  for (const { oid, name, kind, attached, atOnce } of rows) {
    if (kind === 'p' && !atOnce) unsent.push(oid);
    if (kind !== 'r') continue;
    const { found } = await source.one<{ found: boolean }>(
      `SELECT /* pgtrek: look-for-unsent-rows */ EXISTS (
         SELECT FROM ONLY ${name} WHERE ${atOnce ? 'xmin::text = $1' : '$1::text IS NOT NULL'}
       ) AS found`,
      [attached],
    );
    if (found) unsent.push(oid);
  }
  return unsent;
}
