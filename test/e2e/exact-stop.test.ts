import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { connect } from '../../client/index.js';
import type { Migration, MigrationState, Pgtrek, SpecInput } from '../../client/index.js';
import { createOracle } from '../../dev/oracle.js';
import { runLargeTransaction, startWriter } from '../../dev/writer.js';
import { assertNothingLeft } from '../harness/leaks.js';
import { untilCompleted, untilState } from '../harness/migrations.js';
import { specFor } from '../harness/spec.js';
import { assertExactAt, markerOf } from '../harness/steered.js';
import { startWorker } from '../harness/worker.js';
import type { TestWorker } from '../harness/worker.js';
import { createDatabases, openWorld } from '../harness/world.js';
import type { Databases, World } from '../harness/world.js';

const QUEUE = 'exact-stop';
/** Far more than the source's logical_decoding_work_mem holds. */
const STREAMED_ROWS = 50_000;

describe('an exact stop under a writer', () => {
  let world: World;
  let worker: TestWorker;
  let client: Pgtrek;

  before(async () => {
    world = await openWorld({ sourceSettings: { logical_decoding_work_mem: '1MB' } });
    worker = await startWorker(world, { taskQueue: QUEUE });
    client = await connect({ address: world.temporal.address, taskQueue: QUEUE });
  });
  after(async () => {
    await client.close();
    await worker.stop();
    await world.close();
  });

  const start = (name: string, databases: Databases, stop: NonNullable<SpecInput['cdc']>['stop']) =>
    client.start(specFor(name, databases, { taskQueue: QUEUE, cdc: { stop } }));

  for (const round of [1, 2]) {
    it(`has every commit up to the marker on the target and no other (run ${String(round)})`, async () => {
      const name = `exact-${String(round)}`;
      const databases = await createDatabases(world, name);
      const oracle = await createOracle({ source: databases.source });
      const writer = startWriter({ connection: databases.source, connections: 6, rate: 500 });
      try {
        const migration = await start(name, databases, { never: true });
        // No marker can be in time before its lane exists.
        await untilState(
          migration,
          ({ lanes: [lane] }) => lane !== undefined && lane.status !== 'publishing',
        );
        await migration.stop({ at: new Date(Date.now() + 5_000).toISOString(), then: 'finish' });
        const state = await untilCompleted(migration);
        await writer.stop();
        const report = await assertExactAt(oracle, databases, markerOf(state));
        assert.ok(report.commitsUpToMarker > 1000, 'the writer wrote before the stop');
        assert.ok(report.commitsAfterMarker > 10, 'the writer went on after the stop');
        const overshoot = state.stop?.report?.overshootMs;
        assert.ok(overshoot !== undefined && overshoot < 1000, `overshoot ${String(overshoot)} ms`);
        await assertNothingLeft(databases);
      } finally {
        await writer.stop();
        await oracle.drop();
      }
    });
  }

  it('is exact for streamed transactions that span the marker', async () => {
    const databases = await createDatabases(world, 'large');
    const oracle = await createOracle({ source: databases.source });
    const writer = startWriter({ connection: databases.source, rate: 50 });
    try {
      const migration = await start('large', databases, { never: true });
      await untilState(migration, ({ stage }) => stage === 'monitor');
      // One is committed before the marker, one is open across it.
      await runLargeTransaction(databases.source, { rows: STREAMED_ROWS });
      await runLargeTransaction(databases.source, {
        rows: STREAMED_ROWS,
        during: async () => {
          await migration.stop({ now: true });
          await untilState(migration, hasMarker);
        },
      });
      const state = await untilCompleted(migration);
      await writer.stop();
      await assertExactAt(oracle, databases, markerOf(state));
      await assertNothingLeft(databases);
    } finally {
      await writer.stop();
      await oracle.drop();
    }
  });

  it('takes a change of plan at once, in load and in monitor', async () => {
    const databases = await createDatabases(world, 'changes');
    const oracle = await createOracle({ source: databases.source });
    const writer = startWriter({ connection: databases.source, rate: 100 });
    try {
      const soon = new Date(Date.now() + 5_000).toISOString();
      const migration = await start('changes', databases, { at: soon });
      await untilState(migration, ({ stage }) => stage !== 'validate');
      await migration.stop({ never: true });
      await untilState(migration, ({ monitor, stage }) => stage === 'monitor' && monitor === undefined);
      await untilState(migration, () => Date.now() > Date.parse(soon) + 1_000);
      const state = await migration.state();
      assert.equal(hasMarker(state), false, 'the first plan had no effect');
      const later = new Date(Date.now() + 3_000).toISOString();
      await migration.stop({ at: '2100-01-01T00:00:00Z' });
      await migration.stop({ at: later });
      const done = await untilCompleted(migration);
      assert.equal(done.stop?.report?.plannedAt, later);
      await assertExactAt(oracle, databases, markerOf(done));
      await assertNothingLeft(databases);
    } finally {
      await writer.stop();
      await oracle.drop();
    }
  });

  it('keeps the stopped lanes with then: wait, until finish', async () => {
    const databases = await createDatabases(world, 'waits');
    const writer = startWriter({ connection: databases.source, rate: 100 });
    const migration: Migration = await start('waits', databases, { now: true, then: 'wait' });
    try {
      const stopped = await untilState(migration, ({ status }) => status === 'stopped');
      assert.equal(stopped.lanes[0]?.status, 'stopped');
      await migration.finish();
      assert.equal((await untilCompleted(migration)).outcome?.outcome, 'finished');
      await assertNothingLeft(databases);
    } finally {
      await writer.stop();
    }
  });
});

function hasMarker({ events }: MigrationState): boolean {
  return events.some(({ kind }) => kind === 'marker');
}
