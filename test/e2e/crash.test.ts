import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { connect } from '../../client/index.js';
import type { Pgtrek } from '../../client/index.js';
import { startWriter } from '../../dev/writer.js';
import { assertEqualDatabases } from '../harness/equal.js';
import { assertNothingLeft } from '../harness/leaks.js';
import { untilCompleted, untilState } from '../harness/migrations.js';
import { specFor } from '../harness/spec.js';
import { startSuccession } from '../harness/succession.js';
import { createDatabases, openWorld } from '../harness/world.js';
import type { World } from '../harness/world.js';

/**
 * Where workers die, in the order of the pipeline; one more has to bring the migration to its end. A line is one
 * migration: its faults lie in different stages, so each meets what its stage has half done.
 */
const FAULTS = [
  ['before validate probe', 'before pg_restore pre-data', 'before truncate-table #3', 'after arm-marker'],
  ['before pg_dump schema', 'after start pg_restore pre-data', 'before copy-data #2', 'after set-sequences'],
  [
    'after start pg_dump schema',
    'after pg_restore pre-data',
    'before copy-data #2 by SIGTERM',
    'after drop-subscription',
  ],
  ['after pg_dump schema', 'before create-publication', 'before create-index', 'before commit-marker'],
  ['before write-archive', 'after create-publication', 'after add-key #4', 'before drop-slot'],
  ['after write-archive', 'before create-slot', 'before pg_restore post-data', 'after commit-marker'],
  ['after create-slot', 'after start pg_restore post-data', 'before look-for-stop'],
  ['after export-snapshot', 'after pg_restore post-data', 'after drop-publication'],
  ['after record-copied #5', 'before add-foreign-key', 'before barrier'],
  ['after validate-foreign-key', 'before create-subscription', 'after barrier'],
  ['before refresh-view', 'after create-subscription', 'before drop-schema'],
  ['before analyze', 'before measure-slots'],
];

/** The same for a full load, by dump. */
const DUMP_FAULTS = [
  ['before pg_dump data', 'before empty-tables'],
  ['after start pg_dump data', 'before pg_restore data'],
  ['after pg_dump data', 'after start pg_restore data'],
  ['after pg_restore data'],
  ['after record-restored'],
];

/** And by stream, from a snapshot without a slot. */
const STREAM_FAULTS = [['after export-snapshot', 'before copy-data #2']];

/** Every second line; all of them with PGTREK_FULL=1. */
function inTurn(lines: string[][]): string[][] {
  return lines.filter((_, index) => process.env.PGTREK_FULL === '1' || index % 2 === 0);
}

describe('kill -9 of the worker', { concurrency: 6 }, () => {
  let world: World;
  let client: Pgtrek;

  before(async () => {
    world = await openWorld({ impatient: true });
    client = await connect({ address: world.temporal.address });
  });
  after(async () => {
    await client.close();
    await world.close();
  });

  for (const [index, faults] of inTurn(FAULTS).entries()) {
    it(`${faults.join(', ')}: costs nothing`, async () => {
      const name = `crash-${String(index)}`;
      const databases = await createDatabases(world, name);
      const workers = await startSuccession(world, { taskQueue: name, faults });
      const writer = startWriter({ connection: databases.source, connections: 2, rate: 30 });
      try {
        const migration = await client.start(specFor(name, databases, { taskQueue: name }));
        await untilState(migration, ({ stage, status }) => stage === 'monitor' || status === 'blocked', 240);
        await writer.stop();
        // Kept until a worker takes it: none may be alive at this moment.
        await migration.signal('stop', { now: true });
        await untilCompleted(migration, 150);
        assert.deepEqual(workers.left(), [], 'every fault was reached');
        await assertEqualDatabases(databases);
        await assertNothingLeft(databases);
      } finally {
        await writer.stop();
        await workers.stop();
      }
    });
  }

  const fullLoads = [
    ...inTurn(DUMP_FAULTS).map((faults) => ({ faults, method: 'dump' as const })),
    ...STREAM_FAULTS.map((faults) => ({ faults, method: 'stream' as const })),
  ];
  for (const [index, { faults, method }] of fullLoads.entries()) {
    it(`${faults.join(', ')}: costs a full load by ${method} nothing`, async () => {
      const name = `full-${String(index)}`;
      const databases = await createDatabases(world, name);
      const workers = await startSuccession(world, { taskQueue: name, faults });
      try {
        const spec = specFor(name, databases, { taskQueue: name, mode: 'full-load', load: { method } });
        await untilCompleted(await client.start(spec), 150);
        assert.deepEqual(workers.left(), [], 'every fault was reached');
        await assertEqualDatabases(databases);
        await assertNothingLeft(databases);
        assert.deepEqual(await filesOf(world, name), []);
      } finally {
        await workers.stop();
      }
    });
  }
});

/** What lies on the workers' disk for a migration. */
async function filesOf(world: World, name: string): Promise<string[]> {
  const files = await readdir(path.join(world.folder, 'data'));
  return files.filter((file) => file.startsWith(`${name}-`));
}
