/** Cuts big tables into parts: conditions that together take every row, and none twice, whatever the table grew to. */
import { escapeLiteral } from 'pg';
import type { Session } from '../session.js';

export interface TableToSplit {
  id: number;
  oid: number;
  qualified: string;
  /** With TOAST. */
  bytes: bigint;
  /** Of the heap alone. */
  pages: number;
}

/** A part is an activity, which has a price, and a history holds some thousand of them. */
export const MAX_PARTS = 499;

/** The size in bytes that tables are split by: what is wanted, or more where that would make too many parts. */
export function effectiveSplitSize(tables: Pick<TableToSplit, 'bytes' | 'pages'>[], wanted: bigint): bigint {
  let size = wanted;
  const parts = () => {
    const counts = tables.map((table) => countParts(table, size)).filter((count) => count > 1);
    return counts.reduce((sum, count) => sum + count, 0);
  };
  while (parts() > MAX_PARTS) size += size / 4n + 1n;
  return size;
}

/** 1 for a table that stays whole; never more than it has pages, as a part is at least one. */
export function countParts({ bytes, pages }: Pick<TableToSplit, 'bytes' | 'pages'>, size: bigint): number {
  if (bytes <= size) return 1;
  const wanted = Number((bytes + size - 1n) / size);
  return Math.max(1, Math.min(wanted, pages));
}

/** The conditions of a table's parts, in order; none when it cannot be split. */
export async function readConditions(source: Session, table: TableToSplit, count: number): Promise<string[]> {
  // Before 14 each condition on ctid reads the whole table.
  return source.version >= 140000 ? cutByPages(table.pages, count) : cutByKey(source, table, count);
}

export function cutByPages(pages: number, count: number): string[] {
  const borders = Array.from({ length: count - 1 }, (_, i) => Math.floor(((i + 1) * pages) / count));
  return cutAt(
    'ctid',
    borders.map((page) => `'(${String(page)},0)'::tid`),
  );
}

function cutAt(column: string, borders: string[]): string[] {
  if (borders.length === 0) return [];
  return [undefined, ...borders].map((from, i) =>
    [
      ...(from === undefined ? [] : [`${column} >= ${from}`]),
      ...(borders[i] === undefined ? [] : [`${column} < ${borders[i]}`]),
    ].join(' AND '),
  );
}

/**
 * The first column of the primary key, or of another unique index, that cannot be null. Of built-in types only: their
 * operators are found without a search_path, and order as the sample was ordered.
 */
const KEY_SQL = `
  SELECT /* pgtrek: find-split-key */ quote_ident(a.attname) AS key, format_type(a.atttypid, -1) AS type
  FROM pg_index i
    JOIN pg_class x ON x.oid = i.indexrelid
    JOIN pg_am m ON m.oid = x.relam AND m.amname = 'btree'
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] AND a.attnotnull
    JOIN pg_type t ON t.oid = a.atttypid AND t.typtype = 'b' AND t.typcategory <> 'A' AND t.oid < 10000
  WHERE i.indrelid = $1 AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
  ORDER BY i.indisprimary DESC, i.indnkeyatts, x.oid
  LIMIT 1`;

/** So many pages, read at random, hold enough rows to cut any table into MAX_PARTS parts of about one size. */
const SAMPLED_PAGES = 3_000;

async function cutByKey(source: Session, table: TableToSplit, count: number): Promise<string[]> {
  const [column] = await source.query<{ key: string; type: string }>(KEY_SQL, [table.oid]);
  if (!column) return [];
  const percent = Math.min(100, (100 * SAMPLED_PAGES) / table.pages);
  const { borders } = await source.one<{ borders: string[] | null }>(
    `SELECT /* pgtrek: sample-split-key */
       (percentile_disc($1::float8[]) WITHIN GROUP (ORDER BY ${column.key}))::text[] AS borders
     FROM ONLY ${table.qualified} TABLESAMPLE SYSTEM (${String(percent)})`,
    [Array.from({ length: count - 1 }, (_, i) => (i + 1) / count)],
  );
  return cutAt(
    column.key,
    [...new Set(borders)].map((border) => `${escapeLiteral(border)}::${column.type}`),
  );
}
