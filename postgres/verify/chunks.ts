/** Cuts a table, or a range of it, into ranges of its key: conditions that together take every row, and none twice. */
import { escapeLiteral } from 'pg';
import type { Session } from '../session.js';
import { endOf } from './content.js';
import type { Content } from './content.js';
import { whereOf } from './tables.js';
import type { ComparedTable, KeyColumn } from './tables.js';

/** A range of the key; null: open. */
export interface Range {
  from: string[] | null;
  to: string[] | null;
}

const WHOLE: Range = { from: null, to: null };

/** Of a table that cannot be cut, nothing; then there is one chunk. */
export function rangeConditions({ ranged }: ComparedTable, { from, to }: Range): string[] {
  return [
    ...(from ? [`${rowOf(ranged)} >= ${valuesOf(ranged, from)}`] : []),
    ...(to ? [`${rowOf(ranged)} < ${valuesOf(ranged, to)}`] : []),
  ];
}

function rowOf(columns: KeyColumn[]): string {
  const names = columns.map(({ name }) => name).join(', ');
  return columns.length === 1 ? names : `ROW(${names})`;
}

function valuesOf(columns: KeyColumn[], values: string[]): string {
  const list = columns.map(({ type }, at) => `${escapeLiteral(values[at] ?? '')}::${type}`).join(', ');
  return columns.length === 1 ? list : `ROW(${list})`;
}

/** So many pages for each chunk, read at random, hold enough keys for chunks of about one size. */
const SAMPLED_PAGES = 20;
/** A smaller chunk is not worth its statements. */
const SMALLEST = 8 * 1024 * 1024;
/** Of a table for each session, so that all of them end at about the same time. */
const SHARES = 4;

/** Of at most about `size` bytes each, by a sample of the source's keys. */
export async function cutTable(
  source: Session,
  content: Content,
  { size, jobs }: { size: number; jobs: number },
): Promise<Range[]> {
  const { table } = content;
  const shares = Math.min(jobs * SHARES, Math.ceil(table.bytes / SMALLEST));
  const count = Math.min(Math.max(Math.ceil(table.bytes / size), shares), table.pages);
  if (count <= 1 || table.ranged.length === 0) return [WHOLE];
  const percent = Math.min(100, (100 * SAMPLED_PAGES * count) / table.pages);
  const borders = await readBorders(source, {
    table,
    rest: `${table.from.source} TABLESAMPLE SYSTEM (${String(percent)})`,
    count,
  });
  return cutAt(WHOLE, borders);
}

/** The range in `count` ranges of about as many rows, by the keys that this end has in it. */
export async function cutRange(
  session: Session,
  { content, range, count }: { content: Content; range: Range; count: number },
): Promise<Range[]> {
  const { table } = content;
  const end = endOf(session);
  const where = whereOf(rangeConditions(table, range), end === 'source' ? table.filter : '');
  return cutAt(range, await readBorders(session, { table, rest: `${table.from[end]}${where}`, count }));
}

async function readBorders(
  session: Session,
  { table, rest, count }: { table: ComparedTable; rest: string; count: number },
): Promise<string[][]> {
  const names = table.ranged.map(({ name }) => name).join(', ');
  const rows = await session.query<{ border: string[] }>(
    `SELECT /* pgtrek: read-borders */ ARRAY[${table.ranged.map(({ name }) => `${name}::text`).join(', ')}] AS border
     FROM (
       SELECT ${names}, row_number() OVER (ORDER BY ${names}) - 1 AS pgtrek_n, count(*) OVER () AS pgtrek_total
       FROM ${rest}
     ) s
     WHERE pgtrek_n > 0 AND pgtrek_n * $1::bigint / pgtrek_total > (pgtrek_n - 1) * $1::bigint / pgtrek_total
     ORDER BY pgtrek_n`,
    [count],
  );
  return rows.map(({ border }) => border);
}

/** A border that comes twice would make an empty range. */
export function cutAt({ from, to }: Range, borders: string[][]): Range[] {
  const inner = borders.filter(
    (border, at) => JSON.stringify(border) !== JSON.stringify(at === 0 ? from : borders[at - 1]),
  );
  const edges = [from, ...inner, to];
  return edges.slice(1).map((edge, at) => ({ from: edges[at] ?? null, to: edge }));
}
