import type { Client } from 'pg';
import { quoteTable } from './table-shape.js';
import type { Sides } from './compare-rows.js';

const LIST_SEQUENCES = `
  /* pgtrek: oracle */
  SELECT n.nspname AS schema, c.relname AS table
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND n.nspname <> 'pgtrek'
    AND ($1::text[] IS NULL OR n.nspname = ANY ($1))`;

/** Compares what every sequence would give next. */
export async function compareSequences({ expected, actual }: Sides, schemas?: string[]): Promise<string[]> {
  const [wanted, found] = await Promise.all([readStates(expected, schemas), readStates(actual, schemas)]);
  const names = [...new Set([...wanted.keys(), ...found.keys()])].sort();
  return names
    .filter((name) => wanted.get(name) !== found.get(name))
    .map(
      (name) =>
        `sequence ${name}: ${found.get(name) ?? 'missing'} instead of ${wanted.get(name) ?? 'missing'}`,
    );
}

async function readStates(client: Client, schemas: string[] | undefined): Promise<Map<string, string>> {
  const listed = await client.query<{ schema: string; table: string }>(LIST_SEQUENCES, [schemas ?? null]);
  const states = new Map<string, string>();
  for (const name of listed.rows.map(quoteTable)) {
    const { rows } = await client.query<{ state: string }>(`
      /* pgtrek: oracle */
      SELECT last_value || CASE WHEN is_called THEN ' (called)' ELSE ' (not called)' END AS state FROM ${name}`);
    states.set(name, rows[0]?.state ?? '');
  }
  return states;
}
