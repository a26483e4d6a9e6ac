import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Client, Connection } from '@temporalio/client';
import { connect } from '../../client/index.js';
import type { Pgtrek } from '../../client/index.js';
import { waitUntil } from '../../dev/wait-until.js';
import { assertEqualDatabases } from '../harness/equal.js';
import { assertNothingLeft } from '../harness/leaks.js';
import { untilCompleted } from '../harness/migrations.js';
import { specFor } from '../harness/spec.js';
import { countEvents } from '../harness/steered.js';
import { createTransferTables } from '../harness/transfers.js';
import { startWorker } from '../harness/worker.js';
import { createDatabases, openWorld, query } from '../harness/world.js';
import type { Databases, World } from '../harness/world.js';

const QUEUE = 'crew';

describe('two workers on two hosts', () => {
  let world: World;
  let client: Pgtrek;
  let connection: Connection;

  before(async () => {
    world = await openWorld();
    client = await connect({ address: world.temporal.address, taskQueue: QUEUE });
    connection = await Connection.connect({ address: world.temporal.address });
  });
  after(async () => {
    await connection.close();
    await client.close();
    await world.close();
  });

  it('both copy; the death of one costs the parts that it was copying, and nothing else', async () => {
    const databases = await createDatabases(world, QUEUE);
    await createTransferTables(databases.source);
    const dying = await startWorker(world, {
      taskQueue: QUEUE,
      fault: 'before copy-data #4 by SIGSTOP',
      env: { PGTREK_HOST_ID: 'one' },
    });
    const living = await startWorker(world, { taskQueue: QUEUE, env: { PGTREK_HOST_ID: 'two' } });
    try {
      // A full load has one snapshot from its begin to its end, or begins again.
      const migration = await client.start(
        specFor(QUEUE, databases, {
          taskQueue: QUEUE,
          mode: 'full-load',
          load: { jobs: 4, splitSize: '1MB' },
        }),
      );
      assert.ok(
        await waitUntil(() => Promise.resolve(dying.isStopped()), { deadlineMs: 60_000 }),
        dying.log(),
      );
      assert.ok(
        await waitUntil(async () => (await countKeepers(databases)) === 2, { deadlineMs: 60_000 }),
        'two keepers hold the snapshot',
      );
      assert.deepEqual(await readKeepers(), ['one', 'two']);
      dying.kill('SIGKILL');
      const done = await untilCompleted(migration, 180);
      assert.equal(done.lanes.length, 1);
      assert.equal(countEvents(done, 'lane-given-up'), 0);
      const starts = await readStarts();
      const copies = starts.filter(({ type }) => type === 'copyBatch');
      assert.deepEqual([...new Set(copies.map(({ identity }) => hostIn(identity)))].sort(), ['one', 'two']);
      const again = copies.filter(({ attempt }) => attempt > 1);
      assert.ok(again.length >= 1 && again.length <= 4, `${String(again.length)} parts were copied again`);
      await assertEqualDatabases(databases);
      await assertNothingLeft(databases);
    } finally {
      dying.kill('SIGKILL');
      await living.stop();
    }
  });

  /** Hosts of those that run. */
  async function readKeepers(): Promise<string[]> {
    const { raw } = await new Client({ connection }).workflow.getHandle(`pgtrek-${QUEUE}`).describe();
    return (raw.pendingActivities ?? [])
      .filter(({ activityType }) => activityType?.name === 'keepSnapshot')
      .map(({ lastWorkerIdentity }) => hostIn(lastWorkerIdentity ?? ''))
      .sort();
  }

  /** The last attempt of each activity, with the worker that took it. */
  async function readStarts(): Promise<{ type: string; identity: string; attempt: number }[]> {
    const { events } = await new Client({ connection }).workflow.getHandle(`pgtrek-${QUEUE}`).fetchHistory();
    const types = new Map<string, string>();
    for (const { eventId, activityTaskScheduledEventAttributes: scheduled } of events ?? [])
      if (scheduled) types.set(String(eventId), scheduled.activityType?.name ?? '');
    return (events ?? []).flatMap(({ activityTaskStartedEventAttributes: started }) =>
      started
        ? [
            {
              type: types.get(String(started.scheduledEventId)) ?? '',
              identity: started.identity ?? '',
              attempt: started.attempt ?? 1,
            },
          ]
        : [],
    );
  }
});

function hostIn(identity: string): string {
  return /(one|two)$/.exec(identity)?.[1] ?? identity;
}

async function countKeepers({ source }: Databases): Promise<number> {
  const [row] = await query<{ keepers: number }>(
    source,
    `SELECT count(*)::int AS keepers FROM pg_stat_activity
     WHERE datname = current_database() AND application_name LIKE 'pgtrek:%:snapshot'`,
  );
  return row?.keepers ?? 0;
}
