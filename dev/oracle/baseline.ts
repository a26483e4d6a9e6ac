import type { Client, ClientConfig } from 'pg';
import { escapeIdentifier } from 'pg';
import { createSlot, dropSlot, readTransactions } from './change-stream.js';
import { withSession } from './session.js';

/** A slot that sees every change of the source since a point, and a copy of the source as of that point. */
export interface Baseline {
  source: ClientConfig;
  copy: ClientConfig;
  slot: string;
}

const IDENTITY_COLUMNS = `
  /* pgtrek: oracle */
  SELECT format('ALTER TABLE %s ALTER COLUMN %I DROP IDENTITY', c.oid::regclass, a.attname) AS statement
  FROM pg_catalog.pg_attribute AS a
  JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
  WHERE a.attidentity <> '' AND NOT a.attisdropped AND NOT c.relispartition`;

/**
 * The caller guarantees that no one is connected to the source and nothing writes meanwhile. A write that happens all
 * the same is noticed.
 */
export async function createBaseline(source: ClientConfig): Promise<Baseline> {
  const { database } = source;
  if (database === undefined) throw new Error('the oracle needs the name of the source database');
  const copy = { ...source, database: `${database}_oracle` };
  const baseline = { source, copy, slot: `oracle_${process.pid}_${Date.now().toString(36)}` };
  await withSession(source, (client) => createSlot(client, baseline.slot));
  try {
    await withMaintenanceSession(source, (client) => client.query(copyDatabase(database, copy.database)));
  } catch (error) {
    // The database of that name may be somebody else's: only the slot goes.
    await withSession(source, (client) => dropSlot(client, baseline.slot));
    throw error;
  }
  try {
    await checkQuiet(baseline);
    await withSession(copy, dropIdentities);
  } catch (error) {
    await dropBaseline(baseline);
    throw error;
  }
  return baseline;
}

export async function dropBaseline({ source, copy, slot }: Baseline): Promise<void> {
  await withMaintenanceSession(source, async (client) => {
    await dropSlot(client, slot);
    await client.query(`DROP DATABASE IF EXISTS ${escapeIdentifier(copy.database ?? '')} WITH (FORCE)`);
  });
}

function copyDatabase(database: string, copy: string): string {
  return `CREATE DATABASE ${escapeIdentifier(copy)} TEMPLATE ${escapeIdentifier(database)}`;
}

async function withMaintenanceSession<T>(
  source: ClientConfig,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  return withSession({ ...source, database: 'postgres' }, work);
}

/** A change between the slot and the copy would be in both, and be replayed twice. */
async function checkQuiet({ source, slot }: Baseline): Promise<void> {
  const transactions = await withSession(source, (client) => readTransactions(client, slot));
  if (transactions.length > 0)
    throw new Error('the source was written to while the oracle made its baseline');
}

// So that decoded values can be inserted and updated as they are.
async function dropIdentities(client: Client): Promise<void> {
  const { rows } = await client.query<{ statement: string }>(IDENTITY_COLUMNS);
  for (const { statement } of rows) await client.query(statement);
}
