/** Tables of which only some columns or rows travel, each with its partitions. */
import { findPartialTables } from '../partial-tables.js';
import type { PartialTable } from '../partial-tables.js';
import { rootOf } from '../selection.js';
import type { Relation } from '../selection.js';
import type { OnSource } from './check.js';

export interface PartialFamily extends PartialTable {
  /** A table of its own, or the root of partitions. */
  table: Relation;
  /** Partitions that hold rows. */
  leaves: Relation[];
}

export function tablesOf(relations: Relation[]): Relation[] {
  return relations.filter(({ kind }) => kind === 'r' || kind === 'p');
}

export function partialFamilies({ spec, selection }: OnSource): PartialFamily[] {
  const tables = tablesOf(selection.selected);
  const byOid = new Map(tables.map((table) => [table.oid, table]));
  const roots = tables.filter(({ partitionOf }) => partitionOf === null);
  return [...findPartialTables(spec.select, roots)].map(([table, part]) => ({
    ...part,
    table,
    leaves: tables.filter((leaf) => leaf !== table && leaf.kind === 'r' && rootOf(leaf, byOid) === table.oid),
  }));
}
