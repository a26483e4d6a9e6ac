import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { connect } from '../../client/index.js';
import type { Migration, Pgtrek } from '../../client/index.js';
import type { ClientConfig } from 'pg';
import { waitUntil } from '../../dev/wait-until.js';
import { startWriter } from '../../dev/writer.js';
import type { Writer } from '../../dev/writer.js';
import { assertEqualDatabases } from '../harness/equal.js';
import { assertNothingLeft } from '../harness/leaks.js';
import { untilCompleted, untilReported, untilState } from '../harness/migrations.js';
import { specFor } from '../harness/spec.js';
import { startWorker } from '../harness/worker.js';
import type { TestWorker } from '../harness/worker.js';
import { createDatabases, openWorld, query } from '../harness/world.js';
import type { World } from '../harness/world.js';

const QUEUE = 'cutover';

describe('a cutover', { concurrency: 2 }, () => {
  let world: World;
  let worker: TestWorker;
  let client: Pgtrek;

  before(async () => {
    world = await openWorld();
    for (const cluster of [world.source, world.target])
      await query(cluster.connection(), `CREATE ROLE shop SUPERUSER LOGIN PASSWORD 'shop'`);
    worker = await startWorker(world, { taskQueue: QUEUE });
    client = await connect({ address: world.temporal.address, taskQueue: QUEUE });
  });
  after(async () => {
    await client.close();
    await worker.stop();
    await world.close();
  });

  it('makes the target the primary, and a rollback the source again, with nothing lost either way', async () => {
    const databases = await createDatabases(world, 'there-and-back');
    const { source, target } = databases;
    const migration = await client.start(
      specFor('there-and-back', databases, {
        taskQueue: QUEUE,
        cdc: { stop: { never: true } },
        cutover: { reverse: true, maxPause: '30s' },
        verify: { content: true },
      }),
    );
    await untilState(migration, ({ stage }) => stage === 'monitor');
    await turn(migration, 'cutover', startWriter({ connection: shop(source), connections: 4, rate: 200 }));
    const there = await untilState(
      migration,
      ({ stage, status }) => stage === 'protect' && status === 'running',
    );
    assert.equal(there.direction, 'back');
    assert.equal(there.verification?.equal, true);
    await assertEqualDatabases(databases);
    await assert.rejects(migration.abort({ dropTarget: true }), /has made the target the primary/);
    await assert.rejects(query(shop(source), 'CREATE TABLE late (id int)'), /read-only/);

    await turn(migration, 'rollback', startWriter({ connection: shop(target), connections: 4, rate: 200 }));
    const back = await untilState(
      migration,
      ({ stage, direction }) => stage === 'monitor' && direction === 'forward',
    );
    await assertEqualDatabases(databases);
    assert.deepEqual(
      back.lanes.filter(({ status }) => status !== 'dropped').map(({ name }) => name),
      ['pgtrek_there_and_back_3'],
    );

    await turn(migration, 'cutover', startWriter({ connection: shop(source), connections: 4, rate: 200 }));
    await untilState(migration, ({ stage }) => stage === 'protect');
    await assertEqualDatabases(databases);
    await migration.finish();
    const ended = await untilCompleted(migration);
    assert.equal(ended.outcome?.cutover?.outcome, 'done');
    await assertNothingLeft(databases);
  });

  it('is undone when writers would wait too long, and works later, from lanes that stand', async () => {
    const databases = await createDatabases(world, 'undone');
    const writer = startWriter({ connection: shop(databases.source), connections: 4, rate: 200 });
    try {
      const migration = await client.start(
        specFor('undone', databases, { taskQueue: QUEUE, cdc: { stop: { never: true } } }),
      );
      await untilState(migration, ({ stage }) => stage === 'monitor');
      const undone = await untilReported(migration, () => migration.cutover({ maxPause: '1ms' }));
      assert.equal(undone.cutover?.outcome, 'undone', JSON.stringify(undone.cutover));
      const { committed } = writer.report();
      await untilState(migration, ({ stage, status }) => stage === 'monitor' && status === 'running');
      await untilMore(writer, committed);

      // Those who write while the lanes stand are brought over first.
      await migration.stop({ now: true, then: 'wait' });
      await untilState(migration, ({ status }) => status === 'stopped');
      const done = await untilReported(migration, () => migration.cutover({ maxPause: '30s' }));
      assert.equal(done.cutover?.outcome, 'done', JSON.stringify(done.cutover));
      await writer.stop();
      const stood = await untilState(migration, ({ status }) => status === 'stopped');
      assert.equal(stood.stage, 'cutover');
      await assert.rejects(migration.resume(), /the target is the primary/);
      await assert.rejects(migration.rollback(), /kept no way back/);
      await migration.finish();
      await untilCompleted(migration);
      await assertEqualDatabases(databases);
      await assertNothingLeft(databases);
    } finally {
      await writer.stop();
    }
  });
});

/** Applications have a role of their own: that of the migration stays able to write on the old primary. */
function shop(connection: ClientConfig): ClientConfig {
  return { ...connection, user: 'shop', password: 'shop' };
}

/** Under writers, whose last transactions fail: they have not moved to the new primary. */
async function turn(migration: Migration, name: 'cutover' | 'rollback', writer: Writer): Promise<void> {
  try {
    await untilMore(writer, 0);
    const { cutover } = await untilReported(migration, () => migration[name]());
    assert.equal(cutover?.outcome, 'done', JSON.stringify(cutover));
    assert.equal(cutover.fence?.transactionsAfterMarker, 0);
    assert.ok(cutover.fence.pauseMs < 30_000);
    assert.equal(cutover.direction, name === 'rollback' ? 'back' : undefined);
  } finally {
    await writer.stop();
  }
}

async function untilMore(writer: Writer, than: number): Promise<void> {
  const isMore = () => Promise.resolve(writer.report().committed > than);
  assert.ok(await waitUntil(isMore, { deadlineMs: 20_000 }), 'the writer writes');
}
