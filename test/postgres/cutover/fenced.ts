/** A lane and what a test does to cut over from it: attempt after attempt, each put back afterwards. */
import assert from 'node:assert/strict';
import pg from 'pg';
import type { CutOver, MarkerPlan } from '../../../contract/activities.js';
import type { HookMoment } from '../../../contract/cutover.js';
import { cutOver } from '../../../postgres/cutover/cut-over.js';
import type { CutoverAsked } from '../../../postgres/cutover/cut-over.js';
import type { Job } from '../../../postgres/job.js';
import { resumeLanes } from '../../../postgres/lane/resume.js';
import { OLDEST } from '../../harness/majors.js';
import { LANE, openLane } from '../apply-errors/lane.js';
import type { Lane, LaneOptions } from '../apply-errors/lane.js';
import { startPair } from '../pair.js';
import type { Databases, Pair } from '../pair.js';

export const APP = { user: 'app', password: 'app' };

export async function startFencedPair(settings: Record<string, string> = {}): Promise<Pair> {
  const pair = await startPair({
    source: {
      major: OLDEST,
      settings: { wal_level: 'logical', max_prepared_transactions: '5', ...settings },
    },
    target: { major: 18, settings: { wal_level: 'logical' } },
  });
  const { run } = await pair.newDatabases();
  // The application is no superuser, and not the role that pgtrek uses.
  for (const end of ['source', 'target'] as const) await run(end, `CREATE ROLE app LOGIN PASSWORD 'app'`);
  return pair;
}

export interface Fenced extends Lane {
  marker: (n: number) => MarkerPlan;
  asked: (n: number, changes?: Partial<CutoverAsked>) => CutoverAsked;
  /** One attempt with a marker of its own. */
  attempt: (changes?: Partial<CutoverAsked>, job?: Partial<Job>) => Promise<CutOver>;
  /** A session of the application on the source. */
  asApp: <T>(work: (client: pg.Client) => Promise<T>) => Promise<T>;
  databases: Databases;
  /** Writers go on, and the lane brings what they write. */
  assertGoesOn: () => Promise<void>;
  /** Nobody can write on the source, and the target has every row of it. */
  assertDone: () => Promise<void>;
  /** As before the cutover: open, and with a lane that goes on. */
  putBack: (n: number) => Promise<void>;
}

export interface FencedOptions extends Pick<LaneOptions, 'spec' | 'jobFor'> {
  /** Beside table t. */
  tables?: string;
}

export async function openFenced(
  pair: Pair,
  { tables = '', spec = {}, jobFor }: FencedOptions = {},
): Promise<Fenced> {
  let databases: Databases | undefined;
  const lane = await openLane(pair, {
    tables: `CREATE TABLE t (id serial PRIMARY KEY, note text); ${tables};
      GRANT ALL ON ALL TABLES IN SCHEMA public TO app; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO app`,
    spec,
    jobFor: (job, made) => {
      databases = made;
      return jobFor ? jobFor(job, made) : Promise.resolve(job);
    },
  });
  if (!databases) throw new Error('no databases');
  const { job, run, catchUp } = lane;
  let attempts = 0;
  const marker = (n: number): MarkerPlan => ({
    marker: `${job.owner}:${String(n)}`,
    nonce: `nonce ${String(n)}`,
    plan: { kind: 'now', then: 'wait' },
    lanes: [LANE],
  });
  const asked = (n: number, changes: Partial<CutoverAsked> = {}): CutoverAsked => ({
    marker: marker(n),
    maxPause: '30s',
    retired: [],
    reverse: [],
    hooks: () => Promise.resolve([]),
    onStep: () => undefined,
    ...changes,
  });
  const asApp: Fenced['asApp'] = (work) => withClient(job, work);
  const note = () => asApp((client) => client.query(`INSERT INTO public.t (note) VALUES ('app')`));
  return {
    ...lane,
    databases,
    marker,
    asked,
    asApp,
    attempt: (changes, other) => cutOver({ ...job, ...other }, asked((attempts += 1), changes)),
    async assertGoesOn() {
      await note();
      await catchUp();
      assert.deepEqual(await readArmed(run), [], 'no marker is armed');
    },
    async assertDone() {
      await assert.rejects(note, /read-only|not permitted to log in/);
      const rows = async (end: 'source' | 'target') => run(end, 'SELECT id, note FROM t ORDER BY id');
      assert.deepEqual(await rows('target'), await rows('source'));
    },
    async putBack(n) {
      const { database } = job.servers.source;
      await run(
        'source',
        `ALTER DATABASE ${database} RESET default_transaction_read_only; ALTER ROLE app LOGIN`,
      );
      await resumeLanes(job, marker(n));
    },
  };
}

async function withClient<T>({ servers }: Job, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const { host, port, database } = servers.source;
  const client = new pg.Client({ host, port, database, ...APP, application_name: 'shop' });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

function readArmed(run: Databases['run']): Promise<Record<string, unknown>[]> {
  return run('target', `SELECT nonce FROM pgtrek.armed WHERE nonce <> 'ddl'`);
}

/** Hooks that always work, and what they were called for. */
export function recordHooks(): { moments: HookMoment[]; hooks: CutoverAsked['hooks'] } {
  const moments: HookMoment[] = [];
  return {
    moments,
    hooks: (moment) => {
      moments.push(moment);
      return Promise.resolve([{ n: 1, kind: 'http', moment, ok: true, attempts: 1, ms: 1, text: 'done' }]);
    },
  };
}
