import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Client, Connection } from '@temporalio/client';
import { connect } from '../../client/index.js';
import type { Pgtrek } from '../../client/index.js';
import { createOracle } from '../../dev/oracle.js';
import { waitUntil } from '../../dev/wait-until.js';
import { startWriter } from '../../dev/writer.js';
import { assertNothingLeft } from '../harness/leaks.js';
import { untilCompleted, untilState } from '../harness/migrations.js';
import { specFor } from '../harness/spec.js';
import { startWorker } from '../harness/worker.js';
import type { TestWorker } from '../harness/worker.js';
import { createDatabases, openWorld } from '../harness/world.js';
import type { World } from '../harness/world.js';

const QUEUE = 'long';

describe('a migration whose history has grown long', () => {
  let world: World;
  let worker: TestWorker;
  let client: Pgtrek;
  let connection: Connection;

  before(async () => {
    // A real server suggests it at 4,096 events.
    world = await openWorld({
      temporalArgs: ['--dynamic-config-value', 'limit.historyCount.suggestContinueAsNew=60'],
    });
    worker = await startWorker(world, { taskQueue: QUEUE });
    client = await connect({ address: world.temporal.address, taskQueue: QUEUE });
    connection = await Connection.connect({ address: world.temporal.address });
  });
  after(async () => {
    await connection.close();
    await client.close();
    await worker.stop();
    await world.close();
  });

  it('goes on in a new run, with all that it knew, and stops exactly where it was told before', async () => {
    const databases = await createDatabases(world, 'long');
    const oracle = await createOracle({ source: databases.source });
    const writer = startWriter({ connection: databases.source, rate: 100 });
    try {
      const migration = await client.start(
        specFor('long', databases, { taskQueue: QUEUE, cdc: { stop: { at: '2100-01-01T00:00:00Z' } } }),
      );
      const handle = new Client({ connection }).workflow.getHandle('pgtrek-long');
      const { runId: firstRun } = await handle.describe();
      const state = await untilState(migration, ({ stage }) => stage === 'monitor');
      await untilState(migration, ({ events }) => events.some(({ kind }) => kind === 'continued'));
      assert.notEqual((await handle.describe()).runId, firstRun);
      const continued = await migration.state();
      assert.equal(continued.owner, state.owner);
      assert.equal(continued.stop?.at, '2100-01-01T00:00:00Z');
      assert.equal(continued.totals.tablesCopied, continued.totals.tables);
      assert.ok(
        await waitUntil(async () => (await migration.tables()).total > 0, { deadlineMs: 10_000 }),
        'the tables are read again',
      );

      const at = new Date(Date.now() + 2_000).toISOString();
      await migration.stop({ at });
      const done = await untilCompleted(migration);
      const lane = done.stop?.report?.lanes[0]?.lane;
      assert.ok(lane && done.stop?.report?.plannedAt === at);
      const marker = { lane, id: done.stop.report.marker };
      assert.deepEqual((await oracle.verify({ target: databases.target, marker })).problems, []);
      await assertNothingLeft(databases);
    } finally {
      await writer.stop();
      await oracle.drop();
    }
  });
});
