/** Clients of a pooler, each with a session of its own that must never fail, and their account of what they have committed. */
import { Client } from 'pg';
import type { ClientConfig } from 'pg';

/** Each transaction is a row, written by one client: `writer` and its `n`, from 1 on. */
export const WRITTEN_TABLE = 'CREATE TABLE written (writer int, n int, PRIMARY KEY (writer, n))';

export interface PooledWriters {
  /** So far. */
  committed: () => number;
  /** Why a transaction, or a session, has failed. */
  failures: string[];
  /** Ends after the running transactions; how many each client has committed. */
  stop: () => Promise<number[]>;
}

export async function startPooledWriters(connection: ClientConfig, clients: number): Promise<PooledWriters> {
  const failures: string[] = [];
  const counts = Array.from({ length: clients }, () => 0);
  let stopping = false;
  const sessions = await Promise.all(
    counts.map(async () => {
      const client = new Client(connection);
      client.on('error', (error) => failures.push(error.message));
      await client.connect();
      return client;
    }),
  );
  const writing = sessions.map(async (client, writer) => {
    for (let n = 1; !stopping; n += 1) {
      try {
        // More than one message, as transactions of applications are.
        await client.query('BEGIN');
        await client.query('INSERT INTO written VALUES ($1, $2)', [writer, n]);
        await client.query('COMMIT');
        counts[writer] = n;
      } catch (error) {
        failures.push(String(error));
        break;
      }
    }
    await client.end();
  });
  return {
    committed: () => counts.reduce((sum, count) => sum + count, 0),
    failures,
    async stop() {
      stopping = true;
      await Promise.all(writing);
      return counts;
    },
  };
}
