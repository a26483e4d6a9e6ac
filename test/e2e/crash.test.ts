import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { connect } from '../../client/index.js';
import type { Pgtrek } from '../../client/index.js';
import { compareDatabases } from '../../dev/oracle.js';
import { startWriter } from '../../dev/writer.js';
import { assertNothingLeft } from '../harness/leaks.js';
import { untilCompleted, untilState } from '../harness/migrations.js';
import { specFor } from '../harness/spec.js';
import { startWorker } from '../harness/worker.js';
import { createDatabases, openWorld } from '../harness/world.js';
import type { World } from '../harness/world.js';

/** Where the first worker dies, in the order of the pipeline. The second one has to bring the migration to its end. */
const FAULTS = [
  'before validate probe',
  'before pg_dump',
  'after pg_dump',
  'before write-archive',
  'after write-archive',
  'before pg_restore',
  'after pg_restore',
  'before create-publication',
  'after create-publication',
  'before create-slot',
  'after create-slot',
  'after export-snapshot',
  'before truncate-table #3',
  'before copy-data #2',
  'after record-copied #5',
  'before create-index',
  'after add-key #4',
  'before pg_restore #2',
  'after pg_restore #2',
  'before add-foreign-key',
  'after validate-foreign-key',
  'before refresh-view',
  'before analyze',
  'before create-subscription',
  'after create-subscription',
  'before measure-slots',
  'after arm-marker',
  'before commit-marker',
  'after commit-marker',
  'before look-for-stop',
  'before barrier',
  'after barrier',
  'after set-sequences',
  'after drop-subscription',
  'before drop-slot',
  'after drop-publication',
  'before drop-schema',
];

describe('kill -9 of the worker', { concurrency: 6 }, () => {
  let world: World;
  let client: Pgtrek;

  before(async () => {
    world = await openWorld();
    client = await connect({ address: world.temporal.address });
  });
  after(async () => {
    await client.close();
    await world.close();
  });

  for (const [index, fault] of FAULTS.entries()) {
    it(`${fault} costs nothing`, async () => {
      const name = `crash-${String(index)}`;
      const databases = await createDatabases(world, name);
      const taskQueue = name;
      const first = await startWorker(world, { taskQueue, fault });
      const second = first.ended.then(() => startWorker(world, { taskQueue }));
      const writer = startWriter({ connection: databases.source, connections: 2, rate: 30 });
      try {
        const migration = await client.start(specFor(name, databases, { taskQueue }));
        await untilState(migration, ({ stage, status }) => stage === 'monitor' || status === 'blocked', 150);
        await writer.stop();
        await migration.stop({ now: true });
        await untilCompleted(migration, 150);
        assert.equal(first.isAlive(), false, 'the fault was reached');
        const compared = await compareDatabases(databases.source, databases.target, { sequences: true });
        assert.deepEqual(compared.problems, []);
        await assertNothingLeft(databases);
      } finally {
        await writer.stop();
        first.kill('SIGKILL');
        await (await second).stop();
      }
    });
  }
});
