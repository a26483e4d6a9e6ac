import { Client } from 'pg';
import type { ClientConfig } from 'pg';
import type { DataSet } from './data-set.js';

export async function fillSource(
  connection: ClientConfig,
  { dataSet, scale }: { dataSet: DataSet; scale: number },
): Promise<void> {
  const client = new Client(connection);
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query('SELECT setseed(0.42)');
    await dataSet.fill(client, scale);
    // So that the first reader does not write hint bits for all others.
    await client.query('VACUUM (FREEZE, ANALYZE)');
  } finally {
    await client.end().catch(() => undefined);
  }
}
