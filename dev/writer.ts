import { Client, DatabaseError } from 'pg';
import type { ClientConfig } from 'pg';
import { Pace } from './writer/pace.js';
import { pause } from './writer/pause.js';
import { Tally } from './writer/tally.js';
import type { WriterReport } from './writer/tally.js';

export { runLargeTransaction } from './writer/large-transaction.js';
export type { WriterReport };

export interface WriterOptions {
  /** A database that fillSample() filled. */
  connection: ClientConfig;
  /** Default: 4. */
  connections?: number;
  /** Transactions a second, over all connections. Default: 300; 0: as fast as the server takes them. */
  rate?: number;
}

export interface Writer {
  /** Ends after the running transactions. */
  stop(): Promise<WriterReport>;
  report(): WriterReport;
}

const STEP = '/* pgtrek: writer */ SELECT public.dvd_writer_step($1, $2)';

// A restart takes a second or two: short enough to be there at once, long enough not to burn a core meanwhile.
const FIRST_BACKOFF_MS = 50;
const LONGEST_BACKOFF_MS = 1_000;
// A server that vanished without a word must not keep a worker for ever.
const CONNECT_TIMEOUT_MS = 5_000;

/** Writes transactions of the sample's shop until it is stopped; goes on after errors and server restarts. */
export function startWriter({ connection, connections = 4, rate = 300 }: WriterOptions): Writer {
  const tally = new Tally();
  const stopping = new AbortController();
  const workers = Array.from({ length: connections }, (_, worker) => {
    const pace = new Pace({
      everyMs: rate > 0 ? (1_000 * connections) / rate : 0,
      offset: worker / connections,
    });
    return runWorker({ worker, connection, pace, tally, stopping: stopping.signal });
  });
  return {
    report: () => tally.report(),
    stop: async () => {
      stopping.abort();
      await Promise.all(workers);
      tally.end();
      return tally.report();
    },
  };
}

interface WorkerParts {
  worker: number;
  connection: ClientConfig;
  pace: Pace;
  tally: Tally;
  stopping: AbortSignal;
}

async function runWorker({ worker, connection, pace, tally, stopping }: WorkerParts): Promise<void> {
  let client: Client | undefined;
  let backoff = FIRST_BACKOFF_MS;
  // Never begins at the same number twice, so that a second writer makes other rows.
  let n = Math.floor(Date.now() / 1_000) * 1_000;
  while (!stopping.aborted) {
    await pace.waitForTurn(stopping);
    if (stopping.aborted) break;
    try {
      client ??= await connect(connection);
      await client.query({ name: 'step', text: STEP, values: [worker, n++] });
      tally.committed += 1;
      backoff = FIRST_BACKOFF_MS;
    } catch (error) {
      tally.fail(error);
      if (isTransient(error)) continue;
      await close(client);
      client = undefined;
      await pause(backoff, stopping);
      backoff = Math.min(backoff * 2, LONGEST_BACKOFF_MS);
    }
  }
  await close(client);
}

/** Errors that leave the session usable and are gone at the next attempt: cancelled, deadlock, serialization. */
function isTransient(error: unknown): boolean {
  return error instanceof DatabaseError && ['57014', '40P01', '40001'].includes(error.code ?? '');
}

async function connect(connection: ClientConfig): Promise<Client> {
  const client = new Client({
    application_name: 'pgtrek writer',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    ...connection,
  });
  // An idle session that the server ends must not end this process; the next query reports it.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return client;
  } catch (error) {
    await close(client);
    throw error;
  }
}

async function close(client: Client | undefined): Promise<void> {
  await client?.end().catch(() => undefined);
}
