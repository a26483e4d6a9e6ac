/** Writers that touch some of many tables in random order, and keep their own account of what was committed. */
import pg from 'pg';
import { escapeIdentifier } from 'pg';
import { waitUntil } from '../../../dev/wait-until.js';
import type { Databases } from '../pair.js';

export const writtenTables = (count: number): string =>
  Array.from(
    { length: count },
    (_, n) => `CREATE TABLE t${String(n)} (id bigint PRIMARY KEY, note text, n int NOT NULL DEFAULT 0);
      INSERT INTO t${String(n)} SELECT -i, 'old' FROM generate_series(1, 100) i`,
  ).join(';');

export interface Account {
  /** Ids whose commit was confirmed, and those whose answer was lost with the session. */
  committed: Set<number>;
  unknown: Set<number>;
  errors: Map<string, number>;
}

export interface Writers {
  account: Account;
  /** Until so many more transactions are committed. */
  progress: (more?: number) => Promise<void>;
  stop: () => Promise<Account>;
}

export interface WriterOptions {
  tables: number;
  writers?: number;
  /** Milliseconds between transactions of one writer. */
  everyMs?: number;
  connect?: Partial<pg.ClientConfig>;
  /** Begins each transaction. */
  begin?: string;
  /** Ids are above it: those of writers before. */
  above?: number;
}

/** Each transaction adds its id to three tables and changes a shared row in each, so that writers wait for one another. */
export function startWriters({ servers }: Databases, options: WriterOptions): Writers {
  const { host, port, database, user, password } = servers.source;
  const config = {
    host,
    port,
    database,
    user,
    ...(password === undefined ? {} : { password }),
    ...options.connect,
  };
  return startWritersOn(config, options);
}

export function startWritersOn(config: pg.ClientConfig, options: WriterOptions): Writers {
  const account: Account = { committed: new Set(), unknown: new Set(), errors: new Map() };
  const state = { running: true, next: 1 + (options.above ?? 0) };
  const loops = Array.from({ length: options.writers ?? 4 }, () => writeOn(config, options, account, state));
  return {
    account,
    async progress(more = 20) {
      const from = account.committed.size;
      const came = await waitUntil(() => Promise.resolve(account.committed.size >= from + more), {
        deadlineMs: 15_000,
      });
      if (!came) throw new Error('the writers do not go on');
    },
    async stop() {
      state.running = false;
      await Promise.all(loops);
      return account;
    },
  };
}

async function writeOn(
  config: pg.ClientConfig,
  { tables, everyMs = 2, begin = 'BEGIN' }: WriterOptions,
  account: Account,
  state: { running: boolean; next: number },
): Promise<void> {
  let client: pg.Client | undefined;
  while (state.running) {
    const id = (state.next += 1);
    let committing = false;
    try {
      client ??= await connect(config);
      await client.query(begin);
      for (let touched = 0; touched < 3; touched += 1) {
        const table = escapeIdentifier(`t${String(Math.floor(Math.random() * tables))}`);
        await client.query(
          `INSERT INTO public.${table} VALUES (${String(id)}, 'new') ON CONFLICT DO NOTHING`,
        );
        await client.query(
          `UPDATE public.${table} SET n = n + 1 WHERE id = ${String(-1 - Math.floor(Math.random() * 100))}`,
        );
      }
      committing = true;
      await client.query('COMMIT');
      account.committed.add(id);
    } catch (error) {
      const code = (error as { code?: string }).code ?? 'lost';
      account.errors.set(code, (account.errors.get(code) ?? 0) + 1);
      if (committing && !/^(40|23|25006)/.test(code)) account.unknown.add(id);
      if (['57014', '40P01', '40001', '25006'].includes(code))
        await client?.query('ROLLBACK').catch(() => undefined);
      else {
        await client?.end().catch(() => undefined);
        client = undefined;
      }
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  await client?.end().catch(() => undefined);
}

async function connect(config: pg.ClientConfig): Promise<pg.Client> {
  const client = new pg.Client({ application_name: 'writer', ...config });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** Ids of all transactions that a database holds. */
export async function idsOn(
  { run }: Pick<Databases, 'run'>,
  end: 'source' | 'target',
  tables: number,
): Promise<Set<number>> {
  const selects = Array.from({ length: tables }, (_, n) => `SELECT id FROM t${String(n)} WHERE id > 0`);
  const rows = await run(end, `${selects.join(' UNION ')}`);
  return new Set(rows.map(({ id }) => Number(id)));
}
