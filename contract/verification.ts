/** What a comparison of both databases found: plain data, for the state, the report and the command line. */
import type { Direction } from './cutover.js';
import type { SchemaChange } from './schema-change.js';

/**
 * point: nothing changes meanwhile, as the lanes stand at a marker or there are none: exact. online: changes flow, and what differs is looked at
 * again after the lanes have passed the source's position, until it is equal or truly differs.
 */
export type VerifyKind = 'point' | 'online';

export interface Verification {
  kind: VerifyKind;
  /** back: after a cutover. What is told of the source is then that of the new primary, the target of the spec. */
  direction?: Direction;
  /** ISO. */
  begunAt: string;
  endedAt: string;
  /** All that was compared is equal: no difference of rows, sequences or schema. */
  equal: boolean;
  tables: number;
  /** Compared on each end, as a string. */
  rows: string;
  chunks: number;
  /** Of rows: the first 100, by table and key. */
  differences: RowDifference[];
  /** Tables with any difference, the first 50. */
  differing: TableDifference[];
  /** All of them. */
  differingTables: number;
  /** From the source to the target: what was `dropped` is on the source alone, what was `added` on the target alone. The first 50. */
  schema: SchemaChange[];
  schemaTotal: number;
  /** Whose last value or is_called differs; online, only those that are behind on the target after a cutover. The first 50. */
  sequences: { sequence: string; source: string; target: string }[];
  /** What could not be compared, and why. */
  notCompared: { table: string; why: string }[];
  /** Rows that were mended, when that was asked for. */
  repaired?: string;
}

export interface TableDifference {
  table: string;
  sourceRows: string;
  targetRows: string;
  /** Chunks of it that differ. */
  chunks: number;
}

export interface RowDifference {
  table: string;
  /** As SQL writes it: `id = 7`. */
  key: string;
  /** missing: on the source only. extra: on the target only. different: on both. */
  kind: 'missing' | 'extra' | 'different';
}

/** The databases by their names in the spec: first the one that changes come from. */
export function endsOf({ direction }: Verification): [from: string, to: string] {
  return direction === 'back' ? ['target', 'source'] : ['source', 'target'];
}
