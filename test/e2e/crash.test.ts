import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
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
  'before pg_dump schema',
  'after start pg_dump schema',
  'after pg_dump schema',
  'before write-archive',
  'after write-archive',
  'before pg_restore pre-data',
  'after start pg_restore pre-data',
  'after pg_restore pre-data',
  'before create-publication',
  'after create-publication',
  'before create-slot',
  'after create-slot',
  'after export-snapshot',
  'before truncate-table #3',
  'before copy-data #2',
  'before copy-data #2 by SIGTERM',
  'after record-copied #5',
  'before create-index',
  'after add-key #4',
  'before pg_restore post-data',
  'after start pg_restore post-data',
  'after pg_restore post-data',
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

/** The same for a full load, by dump. */
const DUMP_FAULTS = [
  'before pg_dump data',
  'after start pg_dump data',
  'after pg_dump data',
  'before empty-tables',
  'before pg_restore data',
  'after start pg_restore data',
  'after pg_restore data',
  'after record-restored',
];

/** And by stream, from a snapshot without a slot. */
const STREAM_FAULTS = ['after export-snapshot', 'before copy-data #2'];

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
        // Kept until a worker takes it: none may be alive at this moment.
        await migration.signal('stop', { now: true });
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

  const fullLoads = [
    ...DUMP_FAULTS.map((fault) => ({ fault, method: 'dump' as const })),
    ...STREAM_FAULTS.map((fault) => ({ fault, method: 'stream' as const })),
  ];
  for (const [index, { fault, method }] of fullLoads.entries()) {
    it(`${fault} costs a full load by ${method} nothing`, async () => {
      const name = `full-${String(index)}`;
      const databases = await createDatabases(world, name);
      const first = await startWorker(world, { taskQueue: name, fault });
      const second = first.ended.then(() => startWorker(world, { taskQueue: name }));
      try {
        const spec = specFor(name, databases, { taskQueue: name, mode: 'full-load', load: { method } });
        await untilCompleted(await client.start(spec), 150);
        assert.equal(first.isAlive(), false, 'the fault was reached');
        const compared = await compareDatabases(databases.source, databases.target, { sequences: true });
        assert.deepEqual(compared.problems, []);
        await assertNothingLeft(databases);
        assert.deepEqual(await filesOf(world, name), []);
      } finally {
        first.kill('SIGKILL');
        await (await second).stop();
      }
    });
  }
});

/** What lies on the workers' disk for a migration. */
async function filesOf(world: World, name: string): Promise<string[]> {
  const files = await readdir(path.join(world.folder, 'data'));
  return files.filter((file) => file.startsWith(`${name}-`));
}
