import { Client } from 'pg';
import type { ClientConfig, QueryResultRow } from 'pg';

/** In a session of its own, which has no limit of time. */
export async function query<Row extends QueryResultRow = QueryResultRow>(
  connection: ClientConfig,
  sql: string,
  values?: unknown[],
): Promise<Row[]> {
  const client = new Client({ application_name: 'pgtrek bench', ...connection });
  // A session that breaks while idle must not end the process: the next query tells.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Row>(sql, values)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}
