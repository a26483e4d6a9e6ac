import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { connect } from '../../client/index.js';
import type { Migration, Pgtrek } from '../../client/index.js';
import { createOracle } from '../../dev/oracle.js';
import type { Oracle } from '../../dev/oracle.js';
import { waitUntil } from '../../dev/wait-until.js';
import { startWriter } from '../../dev/writer.js';
import type { Writer } from '../../dev/writer.js';
import { assertEqualDatabases } from '../harness/equal.js';
import { assertNothingLeft } from '../harness/leaks.js';
import { untilCompleted, untilState } from '../harness/migrations.js';
import { specFor } from '../harness/spec.js';
import { assertExactAt, countEvents, markerOf, positionAfter } from '../harness/steered.js';
import { startWorker } from '../harness/worker.js';
import type { TestWorker } from '../harness/worker.js';
import { createDatabases, openWorld, query } from '../harness/world.js';
import type { Databases, World } from '../harness/world.js';

const QUEUE = 'outages-stop';
const HOUR_MS = 3_600_000;

describe('a planned stop, whoever is away or wrong at the time', () => {
  let world: World;
  let worker: TestWorker;
  let client: Pgtrek;
  let databases: Databases;
  let oracle: Oracle;
  let writer: Writer;
  let migration: Migration;

  before(async () => {
    world = await openWorld();
    worker = await startWorker(world, { taskQueue: QUEUE });
    client = await connect({ address: world.temporal.address, taskQueue: QUEUE });
    databases = await createDatabases(world, 'away');
    // After a crash a copied database's sequences stand where the copy was made, until a checkpoint has passed.
    await query(databases.source, 'CHECKPOINT');
    oracle = await createOracle({ source: databases.source });
    writer = startWriter({ connection: databases.source, rate: 100 });
    migration = await client.start(
      specFor('away', databases, { taskQueue: QUEUE, cdc: { stop: { never: true } } }),
    );
    await untilApplying();
  });
  after(async () => {
    await writer.stop();
    await client.close();
    await worker.stop();
    await world.close();
  });

  const untilApplying = () =>
    untilState(
      migration,
      ({ stage, status, lanes }) =>
        stage === 'monitor' && status === 'running' && lanes.every((lane) => lane.status === 'applying'),
    );
  const planStop = async (inMs: number) => {
    const at = new Date(Date.now() + inMs).toISOString();
    await migration.stop({ at, then: 'wait' });
    return at;
  };
  /** The target is exactly where the report says; then the lanes go on. */
  const untilStood = async (at: string) => {
    const state = await untilState(migration, ({ status }) => status === 'stopped');
    const { report } = state.stop ?? {};
    assert.equal(report?.plannedAt, at);
    await assertExactAt(oracle, databases, markerOf(state));
    await migration.resume();
    await untilApplying();
    return report;
  };

  it('is late when no worker lives at the time, and says by how much', async () => {
    const at = await planStop(1_500);
    worker.kill('SIGKILL');
    await worker.ended;
    await sleep(Date.parse(at) + 500 - Date.now());
    worker = await startWorker(world, { taskQueue: QUEUE });
    const { overshootMs = 0, committedAt, late } = await untilStood(at);
    assert.equal(overshootMs, Date.parse(committedAt) - Date.parse(at));
    assert.ok(overshootMs > 500, `${String(overshootMs)} ms`);
    assert.match(late ?? '', tells(overshootMs));
  });

  it('is late when the source is away at the time, and says by how much', async () => {
    const at = await planStop(3_000);
    await untilState(migration, () => Date.now() > Date.parse(at) - 1_000);
    await world.source.stop('immediate');
    await sleep(Date.parse(at) + 1_200 - Date.now());
    await world.source.start();
    const { overshootMs = 0, late } = await untilStood(at);
    assert.ok(overshootMs > 1_000, `${String(overshootMs)} ms`);
    assert.match(late ?? '', tells(overshootMs));
  });

  it('is in time by the clock of the source when the worker’s is an hour ahead', async () => {
    await worker.stop();
    const preload = fileURLToPath(new URL('../harness/shifted-clock.mjs', import.meta.url));
    // It stays so until the end.
    worker = await startWorker(world, {
      taskQueue: QUEUE,
      env: { NODE_OPTIONS: `--import ${preload}`, PGTREK_TEST_CLOCK_SHIFT_MS: String(HOUR_MS) },
    });
    const at = await planStop(6_000);
    const { overshootMs = Infinity, committedAt, late } = await untilStood(at);
    assert.ok(Date.parse(committedAt) >= Date.parse(at), 'it is not early');
    assert.ok(overshootMs < 1_000, `${String(overshootMs)} ms`);
    assert.equal(late, undefined);
  });

  it('is where the last change of mind was, and nowhere else', async () => {
    await planStop(60_000);
    await migration.stop({ lsn: await positionAfter(databases, 100_000_000) });
    await migration.stop({ never: true });
    await migration.stop({ at: '2100-01-01T00:00:00Z' });
    const lsn = await positionAfter(databases, 300_000);
    await migration.stop({ lsn, then: 'wait' });
    const byLsn = await untilState(migration, ({ status }) => status === 'stopped');
    assert.equal(byLsn.stop?.report?.plannedLsn, lsn);
    await assertExactAt(oracle, databases, markerOf(byLsn));
    await migration.resume();
    await untilApplying();
    await planStop(60_000);
    await migration.stop({ now: true, then: 'wait' });
    const now = await untilState(migration, ({ status }) => status === 'stopped');
    assert.equal(now.stop?.report?.plannedAt, undefined);
    await assertExactAt(oracle, databases, markerOf(now));
  });

  it('can end as a cutover', async () => {
    await writer.stop();
    await migration.resume();
    await untilApplying();
    // A cutover is refused while the lanes are behind.
    const isEqual = async () => (await countLog(databases.target)) === (await countLog(databases.source));
    assert.ok(await waitUntil(isEqual, { deadlineMs: 30_000 }), 'the lanes catch up');
    await migration.cutover({ maxPause: '30s' });
    const over = await untilState(
      migration,
      ({ status, stage }) => status === 'stopped' && stage === 'cutover',
    );
    assert.equal(over.cutover?.outcome, 'done');
    await assertEqualDatabases(databases);
    await migration.finish();
    const done = await untilCompleted(migration);
    assert.equal(countEvents(done, 'blocked'), 0);
    await oracle.drop();
    await assertNothingLeft(databases);
  });
});

async function countLog(database: Databases['source']): Promise<number> {
  const [row] = await query<{ n: number }>(database, 'SELECT count(*)::int AS n FROM public.writer_log');
  return row?.n ?? 0;
}

/** The reason begins with the seconds of the overshoot. */
function tells(overshootMs: number): RegExp {
  const seconds = (overshootMs / 1_000).toFixed(1).replace('.', String.raw`\.`);
  return new RegExp(`^the marker was committed ${seconds} s after the planned time`);
}
