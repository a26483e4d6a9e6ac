import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { connect } from '../../client/index.js';
import type { Pgtrek } from '../../client/index.js';
import { waitUntil } from '../../dev/wait-until.js';
import { assertEqualDatabases } from '../harness/equal.js';
import { assertNothingLeft } from '../harness/leaks.js';
import { untilCompleted, untilState } from '../harness/migrations.js';
import { specFor } from '../harness/spec.js';
import { startWorker } from '../harness/worker.js';
import type { TestWorker } from '../harness/worker.js';
import { createDatabases, openWorld, query } from '../harness/world.js';
import type { World } from '../harness/world.js';

/** Each table is a batch of its own: it is bigger than what is copied together. */
const TABLES_SQL = Array.from(
  { length: 5 },
  (_, n) =>
    `CREATE TABLE public.big_${String(n)} AS
       SELECT i AS id, repeat(md5(i::text), 4) AS filler FROM generate_series(1, 240000) AS i`,
).join(';');

describe('the pace of a load', () => {
  let world: World;
  let worker: TestWorker;
  let client: Pgtrek;

  before(async () => {
    world = await openWorld();
    // It stands still at the first rows of the second table, until it is told to go on.
    worker = await startWorker(world, { taskQueue: 'pace', fault: 'before copy-data #2 by SIGSTOP' });
    client = await connect({ address: world.temporal.address, taskQueue: 'pace' });
  });
  after(async () => {
    await client.close();
    worker.kill('SIGCONT');
    await worker.stop();
    await world.close();
  });

  it('is paused, changed and resumed while it runs', async () => {
    const databases = await createDatabases(world, 'pace');
    await query(databases.source, TABLES_SQL);
    const migration = await client.start(
      specFor('pace', databases, {
        taskQueue: 'pace',
        mode: 'full-load',
        load: { jobs: 1 },
      }),
    );
    assert.ok(await waitUntil(() => Promise.resolve(worker.isStopped()), { deadlineMs: 60_000 }));
    // Kept until the worker goes on, and then taken before the copy has ended.
    await migration.signal('pause', { by: 'ann' });
    worker.kill('SIGCONT');
    // What runs goes on to its end.
    const paused = await untilState(migration, ({ totals }) => totals.tablesCopied === 2);
    assert.equal(paused.status, 'paused');
    assert.equal(
      await waitUntil(async () => (await migration.state()).totals.tablesCopied > 2, { deadlineMs: 2_000 }),
      false,
      'nothing new begins',
    );
    const changed = await migration.setLoad({ jobs: 3 });
    assert.deepEqual(changed.load, { jobs: 3, indexJobs: 2 });
    assert.equal((await migration.resume()).status, 'running');
    await untilCompleted(migration);
    await assertEqualDatabases(databases);
    await assertNothingLeft(databases);
  });
});
