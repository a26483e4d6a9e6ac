/**
 * Records one closed history per way through the workflow, as running migrations of this version have them:
 * `npx tsx test/histories/record.ts <version> [way…]`. Fixtures of earlier versions stay: they prove that migrations which
 * run while pgtrek is upgraded go on.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import type { WorkflowHandle } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { connect } from '../../client/index.js';
import type { Migration, Pgtrek, SpecInput } from '../../client/index.js';
import { fillSample } from '../../dev/sample.js';
import { untilBlocked, untilState } from '../harness/migrations.js';
import { specFor } from '../harness/spec.js';
import { startWorker } from '../harness/worker.js';
import { createDatabases, openWorld, query } from '../harness/world.js';
import type { Databases, World } from '../harness/world.js';

interface Branch {
  rest: Partial<SpecInput>;
  fault?: string;
  before?: (databases: Databases) => Promise<void>;
  steer?: (migration: Migration, databases: Databases) => Promise<void>;
  /** On a server that soon finds its history long: what is recorded is the run that continues the first. */
  long?: true;
  /** Where a restart begins a new run: the name under which the one before is recorded. */
  firstRun?: string;
}

const monitoring = (migration: Migration) => untilState(migration, ({ stage }) => stage === 'monitor');

const standing = (migration: Migration) => untilState(migration, ({ status }) => status === 'stopped');
const applying = (migration: Migration) =>
  untilState(migration, ({ status, lanes }) => status === 'running' && lanes[0]?.status === 'applying');

const BRANCHES: Record<string, Branch> = {
  'full-load-stream': { rest: { mode: 'full-load' } },
  'full-load-dump': { rest: { mode: 'full-load', load: { method: 'dump' } } },
  'stop-now': { rest: { cdc: { stop: { now: true } } } },
  'plan-changed': {
    rest: { cdc: { stop: { at: '2100-01-01T00:00:00Z' } } },
    steer: async (migration) => {
      await monitoring(migration);
      await untilState(migration, ({ monitor, events }) => monitor !== undefined || events.length > 0);
      await migration.stop({ never: true });
      await migration.stop({ now: true, then: 'wait' });
      await untilState(migration, ({ status }) => status === 'stopped');
      await migration.finish();
    },
  },
  'blocked-then-retried': {
    rest: { cdc: { stop: { now: true } } },
    before: async ({ source }) => {
      await query(source, 'CREATE TABLE public.keyless (id int)');
    },
    steer: async (migration, { source }) => {
      await untilBlocked(migration);
      await query(source, 'ALTER TABLE public.keyless ADD PRIMARY KEY (id)');
      await migration.retry();
    },
  },
  'aborted-in-monitor': {
    rest: {},
    steer: async (migration) => {
      await monitoring(migration);
      await migration.abort({ dropTarget: true });
    },
  },
  'paused-then-resumed': {
    rest: {},
    steer: async (migration) => {
      await monitoring(migration);
      await migration.pause();
      await untilState(migration, ({ lanes }) => lanes[0]?.status === 'stopped');
      await migration.resume();
      await applying(migration);
      await migration.stop({ now: true });
    },
  },
  'resumed-after-stop': {
    rest: { cdc: { stop: { now: true, then: 'wait' } } },
    steer: async (migration, { source }) => {
      await standing(migration);
      await migration.resume();
      await applying(migration);
      const lsn = `SELECT (pg_current_wal_insert_lsn() + 100)::text AS lsn`;
      const [position] = await query<{ lsn: string }>(source, lsn);
      await migration.stop({ lsn: position?.lsn ?? '', then: 'finish' });
      await query(source, 'CREATE TABLE public.filler AS SELECT generate_series(1, 1000) AS id');
    },
  },
  fenced: {
    rest: {},
    steer: async (migration) => {
      await monitoring(migration);
      await migration.cutover({ dryRun: true });
      await untilState(migration, ({ cutover }) => cutover !== undefined);
      await migration.cutover();
      await standing(migration);
      await migration.finish();
    },
  },
  'fence-undone': {
    rest: {},
    steer: async (migration, { target }) => {
      await monitoring(migration);
      await query(target, SLOW_MARKER_SQL);
      await migration.cutover({ maxPause: '1s' });
      await untilState(migration, ({ cutover, stage }) => cutover !== undefined && stage === 'monitor');
      await applying(migration);
      await migration.stop({ now: true, then: 'finish' });
    },
  },
  native: {
    rest: { load: { method: 'native' } },
    steer: async (migration) => {
      await monitoring(migration);
      await migration.stop({ now: true });
    },
  },
  cdc: {
    rest: { mode: 'cdc', cdc: { stop: { never: true } } },
    before: ({ target }) => fillSample(target),
    steer: async (migration) => {
      await monitoring(migration);
      await migration.stop({ now: true });
    },
  },
  'after-restart': {
    rest: {},
    firstRun: 'restarted',
    steer: async (migration, { source }) => {
      await monitoring(migration);
      await query(source, 'ALTER TABLE public.film ADD COLUMN note text');
      await untilState(migration, ({ drift }) => drift !== undefined);
      await migration.restartOnSchemaChange({ dropTarget: true, full: true });
      // The first run, which tells of the restart too, has another lane.
      await untilState(migration, ({ stage, lanes }) => stage === 'monitor' && lanes[0]?.name.endsWith('_2') === true);
      await migration.stop({ now: true });
    },
  },
  continued: {
    long: true,
    rest: { cdc: { stop: { at: '2100-01-01T00:00:00Z' } } },
    steer: async (migration) => {
      await untilState(migration, ({ events }) => events.some(({ kind }) => kind === 'continued'));
      await migration.pause();
      await untilState(migration, ({ lanes }) => lanes[0]?.status === 'stopped');
      await migration.resume();
      await applying(migration);
      await migration.stop({ now: true, then: 'finish' });
    },
  },
  adopted: {
    rest: { cdc: { stop: { never: true }, onSchemaChange: 'adopt' } },
    steer: async (migration, { source }) => {
      await monitoring(migration);
      await query(source, 'ALTER TABLE public.film ADD COLUMN note text');
      await untilState(migration, ({ events }) => events.some(({ kind }) => kind === 'adopted'));
      await applying(migration);
      await migration.stop({ now: true });
    },
  },
  'lane-lost': {
    rest: {},
    steer: async (migration, { source, target }) => {
      await monitoring(migration);
      await query(target, 'ALTER SUBSCRIPTION pgtrek_lane_lost_1 DISABLE');
      await query(source, DROP_SLOT_SQL);
      await untilBlocked(migration);
      await migration.retry();
      await untilState(
        migration,
        ({ stage, lanes }) => stage === 'monitor' && lanes.at(-1)?.name.endsWith('_2') === true,
      );
      await migration.stop({ now: true });
    },
  },
  turned: {
    rest: { cdc: { stop: { never: true } }, cutover: { reverse: true }, verify: { content: true } },
    steer: async (migration) => {
      await monitoring(migration);
      await migration.cutover();
      await untilState(migration, ({ stage }) => stage === 'protect');
      await migration.rollback();
      await untilState(migration, ({ stage, direction }) => stage === 'monitor' && direction === 'forward');
      await migration.stop({ now: true, then: 'finish' });
    },
  },
  notified: {
    rest: {
      mode: 'full-load',
      // Nobody listens there: it is told in vain until the end.
      notify: { webhook: { url: 'http://127.0.0.1:1/' } },
    },
  },
  'snapshot-lost': { rest: { cdc: { stop: { now: true } } }, fault: 'before copy-data #2' },
};

/** Once nobody reads from it any more. */
const DROP_SLOT_SQL = `
  DO $$ BEGIN
    LOOP
      PERFORM pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = 'pgtrek_lane_lost_1';
      BEGIN
        PERFORM pg_drop_replication_slot('pgtrek_lane_lost_1');
        RETURN;
      EXCEPTION WHEN object_in_use THEN PERFORM pg_sleep(0.01);
      END;
    END LOOP;
  END $$`;

/** The apply worker stays in the marker's transaction for longer than the cutover waits. */
const SLOW_MARKER_SQL = `
  CREATE FUNCTION pgtrek.slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(4); RETURN NEW; END';
  CREATE TRIGGER slow BEFORE INSERT ON pgtrek.pgtrek_fence_undone_1
    FOR EACH ROW WHEN (NEW.kind = 'marker') EXECUTE FUNCTION pgtrek.slow();
  ALTER TABLE pgtrek.pgtrek_fence_undone_1 ENABLE REPLICA TRIGGER slow`;

const [version = 'unreleased', ...wanted] = process.argv.slice(2);
const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), version);

async function record(world: World, client: Pgtrek, temporal: Client, name: string, branch: Branch): Promise<void> {
  const databases = await createDatabases(world, name);
  await branch.before?.(databases);
  const first = await startWorker(world, { taskQueue: name, ...(branch.fault ? { fault: branch.fault } : {}) });
  const second = first.ended.then(() => startWorker(world, { taskQueue: name }));
  try {
    const migration = await client.start(specFor(name, databases, { taskQueue: name, ...branch.rest }));
    await branch.steer?.(migration, databases);
    await migration.result();
    await write(name, temporal.workflow.getHandle(`pgtrek-${name}`));
    if (branch.firstRun) {
      const { owner } = await migration.state();
      await write(branch.firstRun, temporal.workflow.getHandle(`pgtrek-${name}`, owner));
    }
  } finally {
    first.kill('SIGKILL');
    await (await second).stop();
  }
}

async function write(name: string, handle: WorkflowHandle): Promise<void> {
  const history = await handle.fetchHistory();
  await writeFile(path.join(folder, `${name}.json`), `${historyToJSON(history)}\n`);
  console.log(`${name}: ${String(history.events?.length ?? 0)} events`);
}

/** A real server suggests to continue at 4,096 events. */
const SOON_LONG = ['--dynamic-config-value', 'limit.historyCount.suggestContinueAsNew=60'];

async function recordAll(branches: [string, Branch][], temporalArgs: string[]): Promise<void> {
  if (branches.length === 0) return;
  const world = await openWorld({ temporalArgs });
  const connection = await Connection.connect({ address: world.temporal.address });
  const client = await connect({ address: world.temporal.address });
  try {
    for (const [name, branch] of branches) await record(world, client, new Client({ connection }), name, branch);
  } finally {
    await client.close();
    await connection.close();
    await world.close();
  }
}

await mkdir(folder, { recursive: true });
const branches = Object.entries(BRANCHES).filter(([name]) => wanted.length === 0 || wanted.includes(name));
await recordAll(branches.filter(([, { long }]) => !long), []);
await recordAll(branches.filter(([, { long }]) => long), SOON_LONG);
