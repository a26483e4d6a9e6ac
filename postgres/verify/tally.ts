/** What is found, bounded whatever the databases hold. */
import type { RowDifference, TableDifference, Verification } from '../../contract/verification.js';
import { describeKey } from './tables.js';
import type { ComparedTable, NotCompared } from './tables.js';

/** A state and its history hold so many. */
const MOST_DIFFERENCES = 100;
const MOST_TABLES = 50;
const MOST_NOT_COMPARED = 100;

export interface FoundRow {
  table: ComparedTable;
  key: string[];
  kind: RowDifference['kind'];
}

interface TableCount {
  source: bigint;
  target: bigint;
  chunks: number;
}

export class Tally {
  rows = 0n;
  chunks = 0;
  tables = 0;
  readonly found: FoundRow[] = [];
  private readonly counts = new Map<string, TableCount>();
  private readonly undecided = new Map<string, number>();
  private readonly notCompared = new Map<string, NotCompared>();

  get isFull(): boolean {
    return this.found.length >= MOST_DIFFERENCES;
  }

  add(row: FoundRow): void {
    if (!this.isFull) this.found.push(row);
  }

  addChunk(table: string, rows: { source: bigint; target: bigint }, differs: boolean): void {
    this.chunks += 1;
    this.rows += rows.source;
    this.addRows(table, rows, differs ? 1 : 0);
  }

  addRows(table: string, { source, target }: { source: bigint; target: bigint }, chunks: number): void {
    const count = this.counts.get(table) ?? { source: 0n, target: 0n, chunks: 0 };
    this.counts.set(table, {
      source: count.source + source,
      target: count.target + target,
      chunks: count.chunks + chunks,
    });
  }

  /** Before its chunks are compared again. */
  forgetDifferences(table: string): void {
    const count = this.counts.get(table);
    if (count) this.counts.set(table, { ...count, chunks: 0 });
  }

  /** Rows that were another at every look. */
  addUndecided(table: string, rows: number): void {
    this.undecided.set(table, (this.undecided.get(table) ?? 0) + rows);
  }

  leaveOut(table: string, why: string): void {
    if (!this.notCompared.has(table)) this.notCompared.set(table, { table, why });
  }

  summary(): Pick<
    Verification,
    'tables' | 'rows' | 'chunks' | 'differences' | 'differing' | 'differingTables' | 'notCompared'
  > {
    const differing = [...this.counts].filter(([, { chunks }]) => chunks > 0);
    for (const [table, rows] of this.undecided) {
      this.leaveOut(
        table,
        `${String(rows)} of its rows were another at every look; compare it while the lanes stand`,
      );
    }
    return {
      tables: this.tables,
      rows: String(this.rows),
      chunks: this.chunks,
      differences: this.found
        .map(({ table, key, kind }) => ({
          table: table.qualified,
          key: describeKey(table.key ?? [], key),
          kind,
        }))
        .sort((a, b) => compare(a.table, b.table) || a.key.localeCompare(b.key, 'en', { numeric: true })),
      differing: differing
        .map(([table, { source, target, chunks }]): TableDifference => ({
          table,
          sourceRows: String(source),
          targetRows: String(target),
          chunks,
        }))
        .sort((a, b) => compare(a.table, b.table))
        .slice(0, MOST_TABLES),
      differingTables: differing.length,
      notCompared: [...this.notCompared.values()]
        .sort((a, b) => compare(a.table, b.table))
        .slice(0, MOST_NOT_COMPARED),
    };
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
