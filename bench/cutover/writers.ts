/** Clients that find the primary by themselves, and keep an account of what they have committed, and when. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, DatabaseError } from 'pg';
import { waitUntil } from '../../dev/wait-until.js';
import { Pace } from '../../dev/writer/pace.js';
import { query } from '../load/sql.js';
import type { Clients, ClientsReport, CutoverArena, End } from './case.js';
import type { Directory } from './directory.js';
import { pauseOf } from './pause-of.js';
import type { Attempt } from './pause-of.js';

/** Each transaction is a row, with a number that no other has; written in the same transaction as the rest. */
export const ACCOUNT_SQL = `
  CREATE SEQUENCE tickets;
  CREATE TABLE written (
    writer int,
    n int,
    ticket bigint NOT NULL DEFAULT nextval('tickets') CONSTRAINT written_ticket UNIQUE,
    CONSTRAINT written_pkey PRIMARY KEY (writer, n)
  )`;

export interface WritersOptions {
  arena: CutoverArena;
  directory: Directory;
  sessions: number;
  /** Transactions a second, over all sessions; 0: as many as can be. */
  rate: number;
  /** Statements of one transaction. */
  transaction: () => string;
}

export function createWriters(options: WritersOptions): Clients {
  const writers = Array.from({ length: options.sessions }, (_, id) => new Writer(options, id));
  let running: Promise<unknown> = Promise.resolve();
  let begun = 0;
  const pausesMs: number[] = [];
  const watched = () => writers.flatMap(({ attempts }) => attempts);
  return {
    async begin() {
      begun = performance.now();
      running = Promise.all(writers.map((writer) => writer.run()));
      running.catch(() => undefined);
      if (!(await waitUntil(async () => writers.every(({ n }) => n > 0), { deadlineMs: 60_000 })))
        throw new Error('not every client writes');
    },
    watch() {
      for (const writer of writers) writer.attempts = [];
    },
    async untilOn(end) {
      const isThere = async () => writers.every(({ attempts }) => attempts.some(committedOn(end)));
      if (!(await waitUntil(isThere, { deadlineMs: 60_000 })))
        throw new Error(`not every client writes to the ${end}`);
      pausesMs.push(pauseOf(watched(), end));
    },
    async stop() {
      for (const writer of writers) writer.stop();
      await running;
      return {
        pausesMs,
        perSecond: sum(writers, ({ n }) => n) / ((performance.now() - begun) / 1_000),
        ...(await settle(options, writers)),
      };
    },
  };
}

function committedOn(end: End): (attempt: Attempt) => boolean {
  return (attempt) => attempt.end === end && attempt.outcome === 'committed';
}

async function settle(
  { arena, directory }: WritersOptions,
  writers: Writer[],
): Promise<Omit<ClientsReport, 'pausesMs' | 'perSecond'>> {
  const rows = await query<{ writer: number; rows: number; last: number }>(
    arena[directory.primary()],
    'SELECT writer, count(*)::int AS rows, max(n) AS last FROM written GROUP BY writer',
  );
  const problems = writers.flatMap(({ id, n, surprises }) => {
    const held = rows.find(({ writer }) => writer === id) ?? { rows: 0, last: 0 };
    const isEqual = held.rows === n && held.last === n;
    return [
      ...surprises,
      ...(isEqual ? [] : [`client ${id} has committed ${n}; there are ${held.rows}, up to ${held.last}`]),
    ];
  });
  return {
    committed: sum(writers, ({ n }) => n),
    cancelled: sum(writers, ({ cancelled }) => cancelled),
    failed: sum(writers, ({ surprises }) => surprises.length),
    problems: problems.slice(0, 20),
  };
}

function sum<T>(items: T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

/** Asks again after this time where nobody tells it of another primary. */
const ASK_AGAIN_MS = 50;

class Writer {
  readonly id: number;
  readonly #options: WritersOptions;
  readonly #pace: Pace;
  readonly #stopping = new AbortController();
  #client: Client | undefined;
  #end: End = 'source';
  /** Of the last transaction that was committed; they count from 1. */
  n = 0;
  cancelled = 0;
  surprises: string[] = [];
  /** Since it is watched. */
  attempts: Attempt[] = [];

  constructor(options: WritersOptions, id: number) {
    const { sessions, rate } = options;
    this.id = id;
    this.#options = options;
    this.#pace = new Pace({ everyMs: rate > 0 ? (1_000 * sessions) / rate : 0, offset: id / sessions });
  }

  async run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await this.#pace.waitForTurn(this.#stopping.signal);
      if (this.#stopping.signal.aborted) break;
      await this.#commit();
    }
    await this.#close();
  }

  stop(): void {
    this.#stopping.abort();
  }

  /** The next transaction, until it is committed: it is never left open whether it was. */
  async #commit(): Promise<void> {
    const n = this.n + 1;
    const sql = `${this.#options.transaction()}; INSERT INTO written VALUES (${this.id}, ${n})`;
    for (let tries = 1; this.n < n; tries += 1) {
      const begun = performance.now();
      const outcome = await this.#attempt(sql);
      this.attempts.push({ end: this.#end, begun, ended: performance.now(), outcome });
      if (outcome === 'committed') this.n = n;
      if (outcome === 'cancelled') this.cancelled += 1;
      if (outcome === 'refused') await this.#awaitPrimary(tries);
    }
  }

  async #attempt(sql: string): Promise<Attempt['outcome']> {
    try {
      this.#client ??= await this.#connect();
      // Several statements in one message are one transaction.
      await this.#client.query(sql);
      return 'committed';
    } catch (error) {
      const { code, constraint } = error instanceof DatabaseError ? error : {};
      // It was committed when its connection broke, and has come along.
      if (code === '23505' && constraint === 'written_pkey') return 'committed';
      if (code !== undefined && AGAIN.includes(code)) return 'cancelled';
      if (code !== undefined && !ELSEWHERE.test(code))
        this.surprises.push(`client ${this.id}: ${String(error)}`);
      await this.#close();
      return 'refused';
    }
  }

  async #connect(): Promise<Client> {
    const { arena, directory } = this.#options;
    await directory.settled();
    this.#end = directory.primary();
    const client = new Client({ ...arena[this.#end], ...arena.app, application_name: 'pgtrek bench writer' });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }

  async #awaitPrimary(tries: number): Promise<void> {
    if (tries > MOST_TRIES) throw new Error(`client ${this.id} finds no primary`);
    const { directory } = this.#options;
    if (directory.primary() !== this.#end) return;
    await Promise.race([directory.changes(), sleep(ASK_AGAIN_MS)]);
  }

  async #close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => undefined);
  }
}

/** A minute of asking again. */
const MOST_TRIES = 1_200;

/** Cancelled, deadlock, serialization: the session stays. */
const AGAIN = ['57014', '40P01', '40001'];

/** Read-only, no login, ended by an administrator, lost. */
const ELSEWHERE = /^(25006|28|57P|08|53300)/;
