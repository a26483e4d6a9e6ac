import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { connect } from '../../client/index.js';
import type { Pgtrek } from '../../client/index.js';
import { startWriter } from '../../dev/writer.js';
import { assertEqualDatabases } from '../harness/equal.js';
import { assertNothingLeft } from '../harness/leaks.js';
import { untilCompleted, untilState } from '../harness/migrations.js';
import { specFor } from '../harness/spec.js';
import { startWorker } from '../harness/worker.js';
import type { TestWorker } from '../harness/worker.js';
import { createDatabases, openWorld, query } from '../harness/world.js';
import type { World } from '../harness/world.js';

const QUEUE = 'ddl-stop';

const RENAME = 'ALTER TABLE public.film RENAME COLUMN length_minutes TO minutes';

describe('a column that is renamed under a writer', () => {
  let world: World;
  let worker: TestWorker;
  let client: Pgtrek;
  before(async () => {
    world = await openWorld();
    worker = await startWorker(world, { taskQueue: QUEUE });
    client = await connect({ address: world.temporal.address, taskQueue: QUEUE });
  });
  after(async () => {
    await client.close();
    await worker.stop();
    await world.close();
  });

  it('lets the lanes stand right there, and go on when the target has it too', async () => {
    const databases = await createDatabases(world, 'renamed');
    await query(databases.source, 'CREATE TABLE public.step (id int PRIMARY KEY)');
    const writer = startWriter({ connection: databases.source, rate: 100 });
    try {
      const migration = await client.start(
        specFor('renamed', databases, { taskQueue: QUEUE, cdc: { stop: { never: true } } }),
      );
      await untilState(
        migration,
        ({ stage, lanes }) => stage === 'monitor' && lanes[0]?.status === 'applying',
      );
      await query(databases.source, 'CREATE TEMP TABLE none (); INSERT INTO public.step VALUES (1)');
      await query(
        databases.source,
        `BEGIN; INSERT INTO public.step VALUES (2); ${RENAME}; INSERT INTO public.step VALUES (3); COMMIT`,
      );
      await query(
        databases.source,
        'INSERT INTO public.step VALUES (4); UPDATE public.film SET minutes = minutes + 1 WHERE film_id < 20',
      );
      const paused = await untilState(migration, ({ lanes }) => lanes[0]?.status === 'stopped');
      assert.equal(paused.status, 'paused');
      assert.match(paused.events.at(-1)?.text ?? '', /stands right at a change of the schema/);
      const steps = await query<{ id: number }>(databases.target, 'SELECT id FROM public.step ORDER BY id');
      assert.deepEqual(
        steps.map(({ id }) => id),
        [1, 2, 3],
      );
      await query(databases.target, RENAME);
      await migration.resume();
      await untilState(migration, ({ lanes }) => lanes[0]?.status === 'applying');
      await writer.stop();
      await migration.stop({ now: true, then: 'finish' });
      await untilCompleted(migration);
      await assertEqualDatabases(databases);
      await assertNothingLeft(databases);
    } finally {
      await writer.stop();
    }
  });
});
