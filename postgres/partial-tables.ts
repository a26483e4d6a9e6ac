/** Tables of which only some columns or some rows travel: select.columns and select.rows of the spec. */
import type { Spec } from '../contract/spec.js';
import { parseNamePattern } from './name-pattern.js';
import { rootOf } from './selection.js';
import type { RelationName } from './selection.js';

/** What the spec asks for one table. */
export interface PartialTable {
  /** Plain names, as the catalog has them; absent: all. */
  columns?: string[];
  /** An SQL condition; absent: all rows. */
  filter?: string;
}

/** By oid, of whole selections: a partition has what its root has. */
export function findPartialRelations(
  select: Pick<Spec['select'], 'columns' | 'rows'>,
  relations: RelationName[],
): Map<number, PartialTable> {
  const byOid = new Map(relations.map((relation) => [relation.oid, relation]));
  const found = findPartialTables(select, relations);
  return new Map(
    relations.flatMap((relation) => {
      const root = byOid.get(rootOf(relation, byOid));
      const part = root && found.get(root);
      return part ? [[relation.oid, part]] : [];
    }),
  );
}

interface Named {
  schema: string;
  name: string;
}

/** Of tables and roots of partitions; partitions take what their root has. */
export function findPartialTables<Table extends Named>(
  { columns, rows }: Pick<Spec['select'], 'columns' | 'rows'>,
  tables: Table[],
): Map<Table, PartialTable> {
  const found = new Map<Table, PartialTable>();
  const note = (key: string, part: PartialTable) => {
    for (const table of findTables(key, tables)) found.set(table, { ...found.get(table), ...part });
  };
  for (const [key, names] of Object.entries(columns)) note(key, { columns: names });
  for (const [key, filter] of Object.entries(rows)) note(key, { filter });
  return found;
}

/** The tables that a key of select.columns or select.rows names, in pg_dump's pattern syntax; it must be one. */
export function findTables<Table extends Named>(key: string, tables: Table[]): Table[] {
  const pattern = parseNamePattern(key);
  return tables.filter((table) => pattern.matches(table));
}

/** A condition as it stands in parentheses: a comment at its end must not swallow what follows. */
export function closed(filter: string): string {
  return `${filter}\n`;
}
