/** A change as a statement that does what the apply worker would do. Values are parameters, as text. Pure. */
import { escapeIdentifier } from 'pg';
import type { Relation, Tuple } from './pgoutput.js';
import type { Change } from './read-transaction.js';
import type { TargetRelation } from './target-relation.js';

export interface Statement {
  sql: string;
  values: (string | null)[];
}

interface Cell {
  name: string;
  value: string | null;
}

/** Undefined where nothing would be written. */
export function statementOf(change: Change, there: TargetRelation): Statement | undefined {
  const table = there.qualified;
  switch (change.operation) {
    case 'insert':
      return insertOf(table, cellsOf(change.relation, change.row));
    case 'update':
      return updateOf(change, there);
    case 'delete': {
      const where = whereOf(keyOf(change, there), { there, from: 0 });
      return {
        sql: `DELETE /* pgtrek: try-delete */ FROM ${table} WHERE ${where.sql} RETURNING true`,
        values: where.values,
      };
    }
    case 'truncate': {
      // The target's worker never cascades, whatever the source did.
      const tables = change.relations.map(
        ({ schema, name }) => `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`,
      );
      const identity = change.restartsSequences ? ' RESTART IDENTITY' : '';
      return {
        sql: `TRUNCATE /* pgtrek: try-truncate */ ${tables.join(', ')}${identity} RESTRICT`,
        values: [],
      };
    }
  }
}

function insertOf(table: string, cells: Cell[]): Statement {
  if (cells.length === 0)
    return { sql: `INSERT /* pgtrek: try-insert */ INTO ${table} DEFAULT VALUES`, values: [] };
  const names = cells.map(({ name }) => escapeIdentifier(name)).join(', ');
  const values = cells.map((_, index) => `$${String(index + 1)}`).join(', ');
  return {
    sql: `INSERT /* pgtrek: try-insert */ INTO ${table} (${names}) OVERRIDING SYSTEM VALUE VALUES (${values})`,
    values: cells.map(({ value }) => value),
  };
}

function updateOf(
  change: Extract<Change, { operation: 'update' }>,
  there: TargetRelation,
): Statement | undefined {
  // A statement may not write an identity column that is always generated; the apply worker may.
  const fixed = new Set(there.columns.filter(({ isIdentity }) => isIdentity).map(({ name }) => name));
  const cells = cellsOf(change.relation, change.row).filter(({ name }) => !fixed.has(name));
  if (cells.length === 0) return undefined;
  const set = cells.map(({ name }, index) => `${escapeIdentifier(name)} = $${String(index + 1)}`).join(', ');
  const where = whereOf(keyOf(change, there), { there, from: cells.length });
  return {
    sql: `UPDATE /* pgtrek: try-update */ ${there.qualified} SET ${set} WHERE ${where.sql} RETURNING true`,
    values: [...cells.map(({ value }) => value), ...where.values],
  };
}

/** Without the TOAST values that were not sent. */
function cellsOf({ columns }: Relation, row: Tuple): Cell[] {
  return columns.flatMap(({ name }, index) => {
    const value = row[index];
    return value === undefined ? [] : [{ name, value }];
  });
}

/** What identifies the row before the change; every value that there is where the target has no key. */
function keyOf(change: Exclude<Change, { operation: 'truncate' }>, { key }: TargetRelation): Cell[] {
  const row =
    change.operation === 'insert'
      ? change.row
      : change.operation === 'update'
        ? (change.old ?? change.row)
        : change.old;
  const cells = cellsOf(change.relation, row);
  return key.length > 0 ? cells.filter(({ name }) => key.includes(name)) : cells;
}

/** Without a key the first row that has all the values; the apply worker too fails where a type cannot be compared. */
function whereOf(cells: Cell[], { there, from }: { there: TargetRelation; from: number }): Statement {
  const byKey = there.key.length > 0;
  const conditions = cells.map(({ name }, index) => {
    const column = escapeIdentifier(name);
    const value = `$${String(from + index + 1)}`;
    return byKey ? `${column} = ${value}` : `${column} IS NOT DISTINCT FROM ${value}`;
  });
  const all = conditions.join(' AND ') || 'true';
  return {
    sql: byKey
      ? all
      : `(tableoid, ctid) IN (SELECT tableoid, ctid FROM ${there.qualified} WHERE ${all} LIMIT 1)`,
    values: cells.map(({ value }) => value),
  };
}

const MOST_OF_A_VALUE = 60;
const MOST_OF_A_KEY = 200;

/** `id = 7`; undefined without a key, as whole rows are not told. */
export function describeKey(change: Change, there: TargetRelation): string | undefined {
  if (change.operation === 'truncate') return undefined;
  // A table that the target lacks is known by the source's key.
  const key = there.key.length > 0 ? there.key : sourceKey(change.relation);
  if (key.length === 0) return undefined;
  const cells = keyOf(change, { ...there, key });
  return cut(
    cells.map(({ name, value }) => `${name} = ${cut(value ?? 'null', MOST_OF_A_VALUE)}`).join(', '),
    MOST_OF_A_KEY,
  );
}

function sourceKey({ identity, columns }: Relation): string[] {
  return identity === 'f' ? [] : columns.filter(({ isKey }) => isKey).map(({ name }) => name);
}

export function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
