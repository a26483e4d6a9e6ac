import { escapeIdentifier } from 'pg';
import type { DecodedChange, DecodedColumn } from './decoded-change.js';
import type { TableShape } from './table-shape.js';

/** One statement of the replay. */
export interface ReplayStatement {
  table: string;
  text: string;
  /** Rows that it must change; anything else means that the replay is wrong. Undefined: any number. */
  expected: number | undefined;
}

export function buildInsert(shape: TableShape, rows: DecodedColumn[][]): ReplayStatement {
  const [first = []] = rows;
  const names = stored(shape, first).map(({ name }) => escapeIdentifier(name));
  const values = rows.map((row) => `(${stored(shape, row).map(literalOf).join(', ')})`);
  const text =
    names.length > 0
      ? `INSERT INTO ${shape.name} (${names.join(', ')}) VALUES ${values.join(', ')}`
      : // A table without a column of its own.
        `INSERT INTO ${shape.name} SELECT FROM generate_series(1, ${rows.length})`;
  return { table: shape.name, text, expected: rows.length };
}

type RowChange = Exclude<DecodedChange, { operation: 'insert' | 'truncate' }>;

export function buildRowChange(shape: TableShape, change: RowChange): ReplayStatement | undefined {
  const where = buildCondition(shape, change);
  if (change.operation === 'delete') {
    return { table: shape.name, text: `DELETE FROM ONLY ${shape.name} WHERE ${where}`, expected: 1 };
  }
  const assignments = stored(shape, change.row)
    .filter(({ literal }) => literal !== undefined)
    .map((column) => `${escapeIdentifier(column.name)} = ${literalOf(column)}`);
  if (assignments.length === 0) return undefined;
  const text = `UPDATE ONLY ${shape.name} SET ${assignments.join(', ')} WHERE ${where}`;
  return { table: shape.name, text, expected: 1 };
}

// TRUNCATE would refuse a table that a foreign key refers to, although the whole set is truncated.
export function buildTruncate(shape: TableShape): ReplayStatement {
  return { table: shape.name, text: `DELETE FROM ONLY ${shape.name}`, expected: undefined };
}

/** How the row is found: by its old key, by its new one where the key did not change, or by all old values. */
function buildCondition(shape: TableShape, change: RowChange): string {
  const known = change.old ?? (change.operation === 'update' ? change.row : []);
  const byName = new Map(known.map((column) => [column.name, column]));
  for (const key of shape.keys) {
    const columns = pickAll(key, byName);
    if (columns)
      return columns.map((column) => `${escapeIdentifier(column.name)} = ${literalOf(column)}`).join(' AND ');
  }
  if (change.old === undefined) {
    throw new Error(
      `${shape.name}: an ${change.operation} in the WAL names no row, as the table has no replica identity`,
    );
  }
  // Of rows that are equal in every value exactly one was changed. By ROW()::text, as not every type has an equality,
  // and as equal numbers can differ in their digits. Old values that are null are not decoded.
  const conditions = shape.columns
    .filter((name) => !shape.generated.includes(name))
    .map((name) => {
      const value = literalOf(byName.get(name) ?? { name, literal: 'NULL' });
      return `ROW(${escapeIdentifier(name)})::text = ROW(${value}::${shape.types.get(name) ?? 'text'})::text`;
    });
  return `ctid = (SELECT ctid FROM ONLY ${shape.name} WHERE ${conditions.join(' AND ')} LIMIT 1)`;
}

function pickAll(key: string[], byName: Map<string, DecodedColumn>): DecodedColumn[] | undefined {
  const columns = key.flatMap((name) => byName.get(name) ?? []);
  return columns.length === key.length ? columns : undefined;
}

function stored({ generated }: TableShape, row: DecodedColumn[]): DecodedColumn[] {
  return generated.length === 0 ? row : row.filter(({ name }) => !generated.includes(name));
}

function literalOf({ name, literal }: DecodedColumn): string {
  if (literal === undefined) throw new Error(`column ${name}: its value is needed, but is not in the WAL`);
  return literal;
}
