import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '../../client/index.js';
import type { Migration, MigrationState, MonitorFigures, Pgtrek, SpecInput } from '../../client/index.js';
import { findFreePort } from '../../dev/free-port.js';
import { createOracle } from '../../dev/oracle.js';
import type { Oracle } from '../../dev/oracle.js';
import { startTemporalServer } from '../../dev/temporal-server.js';
import { waitUntil } from '../../dev/wait-until.js';
import { startWriter } from '../../dev/writer.js';
import { holdUpCopy } from '../harness/hold-up.js';
import { assertNothingLeft } from '../harness/leaks.js';
import { untilCompleted, untilState } from '../harness/migrations.js';
import { specFor } from '../harness/spec.js';
import { startWorker } from '../harness/worker.js';
import type { TestWorker } from '../harness/worker.js';
import { createDatabases, openWorld, query } from '../harness/world.js';
import type { Databases, World } from '../harness/world.js';

type Stop = NonNullable<SpecInput['cdc']>['stop'];

const QUEUE = 'outages';
/** Longer than the heartbeat timeout of monitor and stop clock: their attempts count as dead meanwhile. */
const LONG_MS = 8_000;
/** A restart. */
const SHORT_MS = 4_000;

describe('outages while it replicates', () => {
  let folder: string;
  let temporal: { port: number; dbFile: string };
  let world: World;
  let worker: TestWorker;
  let client: Pgtrek;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pgtrek-test-'));
    temporal = { port: await findFreePort(), dbFile: join(folder, 'temporal.db') };
    world = await openWorld({ temporal, impatient: true });
    worker = await startWorker(world, { taskQueue: QUEUE });
    client = await connect({ address: world.temporal.address, taskQueue: QUEUE });
  });
  after(async () => {
    await client.close();
    await worker.stop();
    await world.close();
    await rm(folder, { recursive: true, force: true });
  });

  const crashTemporal = async () => {
    world.temporal.kill('SIGKILL');
    await world.temporal.stop();
  };
  const startTemporal = async () => {
    world.temporal = await startTemporalServer(temporal);
  };
  const createSource = async (name: string) => {
    const databases = await createDatabases(world, name);
    // After a crash a copied database's sequences stand where the copy was made, until a checkpoint has passed.
    await query(databases.source, 'CHECKPOINT');
    return databases;
  };
  const untilReplicating = async (name: string, databases: Databases, stop: Stop) => {
    const spec = specFor(name, databases, { taskQueue: QUEUE, cdc: { stop } });
    // After an outage the worker may be seen to poll again some seconds later.
    const migration = await client.start(spec, { requireWorker: false });
    await untilState(migration, ({ stage, status }) => stage === 'monitor' || status === 'blocked');
    return migration;
  };

  it('of Temporal, the source, the target, and both need no hand, and the stop is exact', async (t) => {
    const databases = await createSource('outages');
    const oracle = await createOracle({ source: databases.source });
    const writer = startWriter({ connection: databases.source, rate: 100 });
    const { source, target } = world;
    try {
      // Its clock runs through the outages too.
      const migration = await untilReplicating('outages', databases, { at: '2100-01-01T00:00:00Z' });

      await t.test('Temporal, for longer than a heartbeat may fail', async () => {
        await crashTemporal();
        const back = sleep(LONG_MS);
        await assertReplicates(databases);
        await back;
        await startTemporal();
        await assertGoesOn(migration, databases);
      });
      await t.test('the source', async () => {
        await source.stop('immediate');
        await sleep(SHORT_MS);
        await source.start();
        await assertGoesOn(migration, databases);
      });
      await t.test('the target', async () => {
        await target.stop('immediate');
        await sleep(SHORT_MS);
        await target.start();
        await assertGoesOn(migration, databases);
      });
      await t.test('both servers at once, for longer', async () => {
        await Promise.all([source.stop('immediate'), target.stop('immediate')]);
        await sleep(LONG_MS);
        await Promise.all([source.start(), target.start()]);
        await assertGoesOn(migration, databases);
      });

      await migration.stop({ now: true });
      const state = await untilCompleted(migration);
      await writer.stop();
      await assertExact(state, oracle, databases);
      assertNoHand(state);
      await assertNothingLeft(databases);
    } finally {
      await writer.stop();
      await oracle.drop();
    }
  });

  it('of Temporal and the target at the planned time: the stop is exact at that time all the same', async () => {
    const databases = await createSource('at-the-time');
    const oracle = await createOracle({ source: databases.source });
    const writer = startWriter({ connection: databases.source, rate: 100 });
    try {
      const migration = await untilReplicating('at-the-time', databases, { never: true });
      const at = new Date(Date.now() + 4_000).toISOString();
      await migration.stop({ at });
      await untilArmed(databases);
      await Promise.all([crashTemporal(), world.target.stop('immediate')]);
      assert.ok(Date.now() < Date.parse(at), 'they are away before the time');
      await sleep(LONG_MS);
      await Promise.all([startTemporal(), world.target.start()]);
      const state = await untilCompleted(migration);
      await writer.stop();
      assert.equal(state.stop?.report?.plannedAt, at);
      assertInTime(state);
      await assertExact(state, oracle, databases);
      assertNoHand(state);
      await assertNothingLeft(databases);
    } finally {
      await writer.stop();
      await oracle.drop();
    }
  });

  it('of Temporal in load do not cost the copy', async () => {
    const databases = await createSource('in-load');
    const writer = startWriter({ connection: databases.source, rate: 100 });
    const copy = await holdUpCopy(databases);
    try {
      const spec = specFor('in-load', databases, { taskQueue: QUEUE, cdc: { stop: { now: true } } });
      const migration = await client.start(spec, { requireWorker: false });
      await copy.waits;
      await crashTemporal();
      // The copy's attempt counts as dead, and is made again from the same snapshot.
      await sleep(10_000);
      await startTemporal();
      await copy.release();
      const state = await untilCompleted(migration);
      assert.deepEqual(
        state.lanes.map(({ status }) => status),
        ['stopped'],
      );
      assertNoHand(state);
      await assertNothingLeft(databases);
    } finally {
      await copy.release();
      await writer.stop();
    }
  });

  it('of the source just before the planned time: the stop is in time when the source is', async () => {
    const databases = await createSource('just-before');
    const writer = startWriter({ connection: databases.source, rate: 100 });
    try {
      const migration = await untilReplicating('just-before', databases, { never: true });
      const at = new Date(Date.now() + 28_000).toISOString();
      await migration.stop({ at });
      await untilArmed(databases);
      await untilClockWaits(databases);
      await world.source.stop('immediate');
      // So long that a step which waits ever longer between its attempts would miss the time.
      await sleep(18_000);
      await world.source.start();
      assert.ok(Date.now() < Date.parse(at) - 6_000, 'the source is back well before the time');
      const state = await untilCompleted(migration);
      assertInTime(state);
      assertNoHand(state);
      await assertNothingLeft(databases);
    } finally {
      await writer.stop();
    }
  });
});

/** A row that is written now arrives. */
async function assertReplicates({ source, target }: Databases): Promise<void> {
  const [probe] = await query<{ id: number }>(
    source,
    `INSERT INTO language (name) VALUES ('probe') RETURNING language_id AS id`,
  );
  const arrived = () =>
    query(target, 'SELECT FROM language WHERE language_id = $1', [probe?.id]).then(
      (rows) => rows.length > 0,
      () => false,
    );
  assert.ok(await waitUntil(arrived, { deadlineMs: 30_000 }), 'a row written after the outage arrives');
}

/** Rows arrive, queries are answered, and the lanes are measured anew. */
async function assertGoesOn(migration: Migration, databases: Databases): Promise<void> {
  const back = Date.now();
  await assertReplicates(databases);
  const { stage, status } = await untilState(migration, () => true);
  assert.deepEqual({ stage, status }, { stage: 'monitor', status: 'running' });
  const isMeasured = async () => {
    const live = await migration.live().catch(() => []);
    return live.some((figures) => isMonitor(figures) && Date.parse(figures.at) > back);
  };
  assert.ok(await waitUntil(isMeasured, { deadlineMs: 60_000 }), 'the lanes are measured again');
}

function isMonitor(figures: { kind: string }): figures is MonitorFigures {
  return figures.kind === 'monitor';
}

/** The worker knows of the plan: Temporal need not tell it any more. */
async function untilArmed({ target }: Databases): Promise<void> {
  const isArmed = async () =>
    (await query(target, `SELECT FROM pgtrek.armed WHERE nonce NOT LIKE 'ddl%'`)).length > 0;
  assert.ok(await waitUntil(isArmed, { deadlineMs: 10_000 }), 'the marker is armed');
}

/** The session that will commit the marker waits on the source. */
async function untilClockWaits({ source }: Databases): Promise<void> {
  const waits = async () =>
    (
      await query(
        source,
        `SELECT FROM pg_stat_activity
         WHERE application_name ~ '^pgtrek:.*stop$' AND state = 'idle' AND datname = current_database()`,
      )
    ).length > 0;
  assert.ok(await waitUntil(waits, { deadlineMs: 10_000 }), 'the stop clock waits on the source');
}

async function assertExact(state: MigrationState, oracle: Oracle, { target }: Databases): Promise<void> {
  const report = state.stop?.report;
  const lane = report?.lanes[0]?.lane;
  assert.ok(report && lane, 'the stop is reported');
  const verified = await oracle.verify({ target, marker: { lane, id: report.marker } });
  assert.deepEqual(verified.problems, []);
}

function assertInTime(state: MigrationState): void {
  const { overshootMs, late } = state.stop?.report ?? {};
  assert.ok(
    overshootMs !== undefined && overshootMs < 1_000,
    `it was ${String(overshootMs)} ms late: ${late ?? ''}`,
  );
  assert.equal(late, undefined);
}

function assertNoHand({ events }: MigrationState): void {
  const hands = events.filter(({ kind }) => kind === 'blocked' || kind === 'retry');
  assert.deepEqual(hands, []);
}
