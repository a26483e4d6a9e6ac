import type { Client, ClientConfig } from 'pg';
import { compareRows } from './compare-rows.js';
import type { Sides } from './compare-rows.js';
import { compareSequences } from './compare-sequences.js';
import { withSession } from './session.js';

export interface DatabaseComparison {
  equal: boolean;
  tables: number;
  rows: number;
  problems: string[];
}

export interface CompareOptions {
  /** Default: every schema but pgtrek. */
  schemas?: string[];
  /** Compares last_value and is_called of every sequence too. Default: false. */
  sequences?: boolean;
}

/** Compares two databases that nobody writes to, row for row. `a` is what is right. */
export async function compareDatabases(
  a: ClientConfig,
  b: ClientConfig,
  { schemas, sequences = false }: CompareOptions = {},
): Promise<DatabaseComparison> {
  return withSnapshots(a, b, async (sides) => {
    const { tables, rows, problems } = await compareRows(sides, { schemas, withUnlogged: true });
    if (sequences) problems.push(...(await compareSequences(sides, schemas)));
    return { equal: problems.length === 0, tables, rows, problems };
  });
}

/** Both sides in one snapshot each, so that a difference is looked up in the very rows that were compared. */
export async function withSnapshots<T>(
  a: ClientConfig,
  b: ClientConfig,
  work: (sides: Sides) => Promise<T>,
): Promise<T> {
  return withSession(a, (expected) =>
    withSession(b, async (actual) => {
      await Promise.all([beginSnapshot(expected), beginSnapshot(actual)]);
      return work({ expected, actual });
    }),
  );
}

async function beginSnapshot(client: Client): Promise<void> {
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
}
