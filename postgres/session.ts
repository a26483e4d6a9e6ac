/** One connection to one database: tagged statements, an observer, and an end when the signal says so. */
import pg from 'pg';
import type { QueryResultRow } from 'pg';
import { clientConfig } from './endpoint.js';
import type { Endpoint, Observer } from './endpoint.js';

export interface SessionOptions {
  /** What it is for; seen as application_name in pg_stat_activity. At most 63 bytes count. */
  purpose: string;
  signal?: AbortSignal | undefined;
  observer?: Observer | undefined;
  /** A replication connection (walsender) of this database: simple statements only. */
  replication?: boolean;
}

/** Of a transaction that sees one moment, and writes nothing. */
export const BEGIN_READ = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY';

export class Session {
  readonly client: pg.Client;
  readonly endpoint: Endpoint;
  private readonly options: SessionOptions;
  private readonly onAbort = () => this.abort();
  /** server_version_num, such as 150018. */
  version = 0;
  pid = 0;

  constructor(endpoint: Endpoint, options: SessionOptions) {
    this.endpoint = endpoint;
    this.options = options;
    const config = clientConfig(endpoint, options.purpose);
    // The replication parameter is passed on by pg, and missing from its types.
    this.client = new pg.Client(
      options.replication ? ({ ...config, replication: 'database' } as pg.ClientConfig) : config,
    );
    // A lost connection fails the statement that runs; between statements the next one tells it.
    this.client.on('error', () => undefined);
  }

  async connect(): Promise<this> {
    this.options.signal?.throwIfAborted();
    this.options.signal?.addEventListener('abort', this.onAbort, { once: true });
    try {
      await this.client.connect();
      if (!this.options.replication) await this.prepareSettings();
    } catch (error) {
      await this.close();
      throw error;
    }
    return this;
  }

  /** Runs one statement and returns its rows; its tag is seen by the observer before and after. */
  async query<Row extends QueryResultRow = QueryResultRow>(sql: string, values?: unknown[]): Promise<Row[]> {
    const tag = tagOf(sql);
    if (tag) await this.options.observer?.('before', tag);
    this.options.signal?.throwIfAborted();
    const result = await this.client.query<Row>(sql, values);
    if (tag) await this.options.observer?.('after', tag);
    return result.rows;
  }

  async one<Row extends QueryResultRow>(sql: string, values?: unknown[]): Promise<Row> {
    const [row] = await this.query<Row>(sql, values);
    if (!row) throw new Error(`no row from ${tagOf(sql) ?? sql}`);
    return row;
  }

  /** BEGIN … COMMIT around the work; ROLLBACK when it throws. */
  async transaction<T>(work: () => Promise<T>, begin = 'BEGIN'): Promise<T> {
    await this.client.query(begin);
    try {
      const result = await work();
      await this.client.query('COMMIT');
      return result;
    } catch (error) {
      // The connection may be what failed; the server then rolls back by itself.
      await this.client.query('ROLLBACK').catch(() => undefined);
      throw error;
    }
  }

  /** A transaction that sees one moment of the database, and writes nothing. */
  read<T>(work: () => Promise<T>): Promise<T> {
    return this.transaction(work, BEGIN_READ);
  }

  async close(): Promise<void> {
    this.options.signal?.removeEventListener('abort', this.onAbort);
    await this.client.end().catch(() => undefined);
  }

  /** Closes the socket at once; a COPY that broke off leaves a connection that can do nothing else. */
  destroy(): void {
    (this.client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  }

  private async prepareSettings(): Promise<void> {
    const { version, pid } = await this.one<{ version: string; pid: number }>(
      `SELECT current_setting('server_version_num') AS version, pg_backend_pid() AS pid`,
    );
    this.version = Number(version);
    this.pid = pid;
    await this.client.query(SETTINGS_SQL);
    // Ends this backend soon after its client died; servers on some platforms cannot do it.
    if (this.version >= 140000) {
      await this.client.query(`SET client_connection_check_interval = '2s'`).catch(() => undefined);
    }
  }

  /** Ends the backend at once: closing the socket alone leaves a statement running on older servers. */
  private abort(): void {
    const { pid, endpoint } = this;
    if (pid > 0) {
      void withSession(endpoint, { purpose: 'pgtrek: cancel' }, (session) =>
        session.query('SELECT pg_terminate_backend($1)', [pid]),
      ).catch(() => undefined);
    }
    this.destroy();
  }
}

/**
 * Settings of the server or the role must not cut our long statements short, nor change what text means. Keepalives let
 * the server notice a worker host that vanished, and free its locks, within a minute.
 */
const SETTINGS_SQL = `
  SELECT set_config(name, value, false)
  FROM (VALUES
    ('statement_timeout', '0'), ('lock_timeout', '0'), ('idle_in_transaction_session_timeout', '0'),
    ('idle_session_timeout', '0'), ('transaction_timeout', '0'),
    ('tcp_keepalives_idle', '30'), ('tcp_keepalives_interval', '10'), ('tcp_keepalives_count', '3'),
    ('row_security', 'off'), ('search_path', ''), ('default_transaction_read_only', 'off'),
    ('DateStyle', 'ISO, YMD'), ('IntervalStyle', 'postgres'), ('TimeZone', 'UTC'), ('extra_float_digits', '3'),
    ('bytea_output', 'hex')
  ) AS wanted (name, value)
  WHERE name IN (SELECT s.name FROM pg_catalog.pg_settings s)`;

export async function openSession(endpoint: Endpoint, options: SessionOptions): Promise<Session> {
  return new Session(endpoint, options).connect();
}

/** Opens a session for the work and closes it whatever happens. */
export async function withSession<T>(
  endpoint: Endpoint,
  options: SessionOptions,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await openSession(endpoint, options);
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

function tagOf(sql: string): string | undefined {
  return /\/\* pgtrek: ([\w -]+) \*\//.exec(sql)?.[1];
}
