/** A session that stays in its transaction until it is closed. */
import assert from 'node:assert/strict';
import pg from 'pg';
import { waitUntil } from '../../dev/wait-until.js';

// In use for 2 s, a transaction is no longer ordinary traffic to validate.
const AGED_SQL = `
  SELECT state NOT LIKE 'idle in transaction%' OR xact_start < clock_timestamp() - interval '2 s' AS aged
  FROM pg_stat_activity WHERE pid = $1`;

export interface HeldSession {
  close: () => Promise<void>;
}

/** Runs `sql` in a transaction and, unless that ended it, waits until it is 2 s old. */
export async function holdSession(connection: pg.ClientConfig, sql: string): Promise<HeldSession> {
  const client = new pg.Client(connection);
  // A test may end the session from outside.
  client.on('error', () => undefined);
  await client.connect();
  const close = () => client.end().catch(() => undefined);
  try {
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    await client.query('BEGIN');
    await client.query(sql);
    assert.ok(await hasAged(connection, rows[0]?.pid), `still young: ${sql}`);
    return { close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function hasAged(connection: pg.ClientConfig, pid: number | undefined): Promise<boolean> {
  const observer = new pg.Client(connection);
  await observer.connect();
  try {
    return await waitUntil(
      async () => (await observer.query<{ aged: boolean }>(AGED_SQL, [pid])).rows[0]?.aged === true,
      { deadlineMs: 30_000 },
    );
  } finally {
    await observer.end();
  }
}
