import type { Client } from 'pg';
import { escapeIdentifier } from 'pg';
import { describeDifferences } from './row-differences.js';
import type { RowQuery } from './row-differences.js';
import { readTableShapes } from './table-shape.js';
import type { ShapeOptions, TableShape } from './table-shape.js';

export interface Sides {
  /** What is right. */
  expected: Client;
  actual: Client;
}

export interface RowComparison {
  tables: number;
  rows: number;
  problems: string[];
}

/** Compares every row of every user table. The order of rows and the physical order of columns do not count. */
export async function compareRows(
  { expected, actual }: Sides,
  options: ShapeOptions,
): Promise<RowComparison> {
  const [expectedShapes, actualShapes] = await Promise.all([
    readTableShapes(expected, options),
    readTableShapes(actual, options),
  ]);
  const result: RowComparison = { tables: 0, rows: 0, problems: [] };
  for (const shape of expectedShapes.values()) {
    const other = actualShapes.get(shape.name);
    if (other === undefined) {
      result.problems.push(`${shape.name}: the table is missing`);
      continue;
    }
    const { rows, problems } = await compareTable({ expected, actual }, { shape, other });
    result.tables += 1;
    result.rows += rows;
    result.problems.push(...problems);
  }
  const unknown = [...actualShapes.keys()].filter((name) => !expectedShapes.has(name));
  result.problems.push(...unknown.map((name) => `${name}: a table that should not be there`));
  return result;
}

async function compareTable(
  sides: Sides,
  { shape, other }: { shape: TableShape; other: TableShape },
): Promise<{ rows: number; problems: string[] }> {
  if (shape.columns.join() !== other.columns.join()) {
    const columns = `${shape.columns.join(', ')} on one side, ${other.columns.join(', ')} on the other`;
    return { rows: 0, problems: [`${shape.name}: the columns differ: ${columns}`] };
  }
  const query = toRowQuery(shape);
  const [expected, actual] = await Promise.all([
    readChecksum(sides.expected, query),
    readChecksum(sides.actual, query),
  ]);
  if (expected.rows === actual.rows && expected.checksum === actual.checksum)
    return { rows: expected.rows, problems: [] };
  const counts = `${actual.rows} rows where ${expected.rows} are expected`;
  const details = await describeDifferences(sides, query);
  return { rows: expected.rows, problems: [`${shape.name} differs: ${[counts, ...details].join('; ')}`] };
}

function toRowQuery({ name, columns, keys: [key] }: TableShape): RowQuery {
  const toRow = (names: string[]): string => `ROW(${names.map(escapeIdentifier).join(', ')})::text`;
  return { table: name, columns, key: toRow(key ?? columns), row: toRow(columns) };
}

/** A sum, so that it needs no order; ROW()::text tells NULL from an empty text. */
async function readChecksum(
  client: Client,
  { table, row }: RowQuery,
): Promise<{ rows: number; checksum: string }> {
  const { rows } = await client.query<{ rows: string; checksum: string }>(`
    /* pgtrek: oracle */
    SELECT
      count(*)::text AS rows,
      concat_ws(
        '/',
        sum(('x' || substr(hash, 1, 16))::bit(64)::bigint),
        sum(('x' || substr(hash, 17, 16))::bit(64)::bigint)
      ) AS checksum
    FROM (SELECT md5(${row}) AS hash FROM ONLY ${table}) AS hashes`);
  return { rows: Number(rows[0]?.rows), checksum: String(rows[0]?.checksum) };
}
