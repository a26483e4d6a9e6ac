/** PgBouncer's admin console: a database of its own, with commands for statements, which take no comments and no parameters. */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { QueryResultRow } from 'pg';
import { PgtrekError } from '../contract/errors.js';
import type { ErrorFacts } from '../contract/errors.js';
import { messageOf, sqlState } from './classify-error.js';
import { clientConfig } from './endpoint.js';
import type { Endpoint, Observer } from './endpoint.js';

const LOGIN_RETRY = 'server_login_retry';
/** Seconds. */
const SHORT_LOGIN_RETRY = '0.05';
const LOOK_EVERY_MS = 20;

export interface ConsoleOptions {
  endpoint: Omit<Endpoint, 'end' | 'database'>;
  /** Of the connection, and of each command. */
  timeoutMs: number;
  signal: AbortSignal;
  observer?: Observer | undefined;
}

/** Where PgBouncer connects to for a database that its clients name. */
export interface PooledDatabase {
  /** Empty: a Unix socket. */
  host: string;
  port: number;
  database: string;
  paused: boolean;
  poolMode: string;
}

/**
 * Opens a console for the work and closes it whatever happens. Throws HOOK_FAILED; it is worth another attempt when the console was
 * not there, or the connection was lost.
 */
export async function withConsole<T>(
  options: ConsoleOptions,
  work: (console: PgBouncerConsole) => Promise<T>,
): Promise<T> {
  const console = new PgBouncerConsole(options);
  try {
    await console.connect();
    return await work(console);
  } finally {
    await console.close();
  }
}

export class PgBouncerConsole {
  private readonly options: ConsoleOptions;
  private readonly client: pg.Client;

  constructor(options: ConsoleOptions) {
    this.options = options;
    this.client = new pg.Client(clientConfig({ ...options.endpoint, database: 'pgbouncer' }, 'pgtrek'));
    // A lost connection fails the command that runs; between commands the next one tells it.
    this.client.on('error', () => undefined);
  }

  async connect(): Promise<void> {
    await this.bounded('log in', () => this.client.connect());
  }

  /** Such as `PgBouncer 1.18.0`. */
  async version(): Promise<string> {
    const [row] = await this.show<{ version: string }>('VERSION');
    return row?.version ?? 'PgBouncer';
  }

  /** Undefined where it has no such database, or only a fallback for any. */
  async database(name: string): Promise<PooledDatabase | undefined> {
    const row = (await this.show<DatabaseRow>('DATABASES')).find((database) => database.name === name);
    return (
      row && {
        host: row.host ?? '',
        port: Number(row.port),
        database: row.database,
        paused: Number(row.paused) === 1,
        poolMode: row.pool_mode ?? (await this.setting('pool_mode')) ?? 'session',
      }
    );
  }

  /** Throws unless the user may use the commands; it has no effect. */
  async proveAdmin(): Promise<void> {
    // Its own database cannot be paused, so there is nothing to resume: who may not is told so before that.
    await this.run('RESUME', 'pgbouncer').catch((error: unknown) => {
      if (!/is not paused/.test(messageOf(error))) throw error;
    });
  }

  /** Until no transaction of the database runs any more (session pooling: until its clients are gone). New ones wait. */
  async pause(name: string): Promise<void> {
    await this.tagged('pgbouncer-pause', () => this.run('PAUSE', name));
  }

  /** Those that wait go on. Throws when PgBouncer gets no connection for them. */
  async resume(name: string): Promise<void> {
    await this.tagged('pgbouncer-resume', async () => {
      try {
        await this.run('RESUME', name);
      } catch (error) {
        // Another attempt has said it.
        if ((await this.database(name))?.paused !== false) throw error;
      }
      await this.letConnect(name);
    });
  }

  /** Reads its files anew; connections to where a database no longer points are closed as soon as they are free. */
  async reload(): Promise<void> {
    await this.tagged('pgbouncer-reload', () => this.run('RELOAD'));
  }

  /** Until those are closed, and clients have others. */
  async waitClose(name: string): Promise<void> {
    await this.run('WAIT_CLOSE', name);
    await this.letConnect(name);
  }

  async close(): Promise<void> {
    await this.client.end().catch(() => undefined);
  }

  /**
   * PAUSE closes a server connection that is still logging in, which PgBouncer takes for a failed login: all clients would wait for the
   * next one for `server_login_retry`, 15 s unless set (seen with 1.18).
   */
  private async letConnect(name: string): Promise<void> {
    if (!(await this.lacksServers(name))) return;
    const usual = await this.setting(LOGIN_RETRY);
    await this.run(`SET ${LOGIN_RETRY} = '${SHORT_LOGIN_RETRY}'`);
    try {
      const deadline = performance.now() + this.options.timeoutMs;
      while (await this.lacksServers(name)) {
        if (performance.now() > deadline)
          throw this.failed(`clients of ${name} wait, and no server lets it log in`);
        await sleep(LOOK_EVERY_MS, undefined, { signal: this.options.signal });
      }
    } finally {
      if (usual !== undefined) await this.run(`SET ${LOGIN_RETRY} = '${usual}'`);
    }
  }

  /** Clients wait, and there is no connection that one of them could get. */
  private async lacksServers(name: string): Promise<boolean> {
    const pools = (await this.show<PoolRow>('POOLS')).filter(({ database }) => database === name);
    return pools.some((pool) => {
      const servers = [pool.sv_active, pool.sv_idle, pool.sv_used, pool.sv_tested, pool.sv_login];
      return Number(pool.cl_waiting) > 0 && servers.every((count) => Number(count) === 0);
    });
  }

  private async setting(name: string): Promise<string | undefined> {
    const settings = await this.show<{ key: string; value: string }>('CONFIG');
    return settings.find(({ key }) => key === name)?.value;
  }

  private show<Row extends QueryResultRow>(what: string): Promise<Row[]> {
    return this.run<Row>(`SHOW ${what}`);
  }

  private async tagged(tag: string, work: () => Promise<unknown>): Promise<void> {
    const { observer } = this.options;
    await observer?.('before', tag);
    await work();
    await observer?.('after', tag);
  }

  private async run<Row extends QueryResultRow>(command: string, name?: string): Promise<Row[]> {
    const text = name === undefined ? command : `${command} ${pg.escapeIdentifier(name)}`;
    const { rows } = await this.bounded(text, () => this.client.query<Row>(text));
    return rows;
  }

  /** A command that hangs cannot be taken back: its connection is given up. */
  private async bounded<T>(doing: string, work: () => Promise<T>): Promise<T> {
    const { signal, timeoutMs } = this.options;
    const late = AbortSignal.timeout(timeoutMs);
    const end = AbortSignal.any([signal, late]);
    const giveUp = () => this.destroy();
    signal.throwIfAborted();
    end.addEventListener('abort', giveUp);
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      const reason = late.aborted ? `it took longer than ${timeoutMs} ms` : messageOf(error);
      throw this.failed(`${doing}: ${reason}`, {
        cause: error,
        retryable: !late.aborted && sqlState(error) === undefined,
      });
    } finally {
      end.removeEventListener('abort', giveUp);
    }
  }

  private failed(what: string, facts: ErrorFacts = {}): PgtrekError {
    const { host, port } = this.options.endpoint;
    return new PgtrekError('HOOK_FAILED', `PgBouncer at ${host}:${port}: ${what}.`, facts);
  }

  private destroy(): void {
    (this.client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  }
}

interface DatabaseRow {
  name: string;
  host: string | null;
  port: number | string;
  database: string;
  pool_mode: string | null;
  paused: number | string;
}

interface PoolRow {
  database: string;
  cl_waiting: number | string;
  sv_active: number | string;
  sv_idle: number | string;
  sv_used: number | string;
  sv_tested: number | string;
  sv_login: number | string;
}
