import type { ClientConfig } from 'pg';
import { query } from './world.js';

/** How many rows every table of the database has, by its name. */
export async function countRows(config: ClientConfig): Promise<Record<string, number>> {
  const tables = await query<{ name: string; rows: number }>(
    config,
    `SELECT oid::regclass::text AS name, (xpath('/row/n/text()', query_to_xml(format('SELECT count(*) AS n FROM %s', oid::regclass), false, true, '')))[1]::text::int AS rows
     FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace::regnamespace::text !~ '^(pg_|information_schema|pgtrek)'`,
  );
  return Object.fromEntries(tables.map(({ name, rows }) => [name, rows]));
}
