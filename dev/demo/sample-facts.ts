import type { ClientConfig } from 'pg';
import { withSession } from '../oracle/session.js';

const SIZE_SQL = `/* pgtrek: demo */ SELECT pg_database_size(current_database())::text AS bytes`;

const BALANCE_SQL = `
  /* pgtrek: demo */
  SELECT (
    (SELECT sum(balance) FROM public.customer_account) + (SELECT sum(balance) FROM public.store_account)
  )::text AS total`;

export async function readDatabaseSize(connection: ClientConfig): Promise<string> {
  return readOne(connection, SIZE_SQL, 'bytes');
}

/** Money only moves between accounts: this sum never changes, whatever the writer does. */
export async function readBalance(connection: ClientConfig): Promise<string> {
  return readOne(connection, BALANCE_SQL, 'total');
}

async function readOne<Column extends string>(
  connection: ClientConfig,
  sql: string,
  column: Column,
): Promise<string> {
  const { rows } = await withSession(connection, (client) => client.query<Record<Column, string>>(sql));
  return rows[0]?.[column] ?? '';
}
