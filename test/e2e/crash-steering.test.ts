import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { connect } from '../../client/index.js';
import type { Migration, Pgtrek } from '../../client/index.js';
import { compareDatabases } from '../../dev/oracle.js';
import { fillSample } from '../../dev/sample.js';
import { startWriter } from '../../dev/writer.js';
import { assertNothingLeft } from '../harness/leaks.js';
import { untilCompleted, untilState } from '../harness/migrations.js';
import { specFor } from '../harness/spec.js';
import { startWorker } from '../harness/worker.js';
import { createDatabases, openWorld } from '../harness/world.js';
import type { World } from '../harness/world.js';

/** Between the pause's marker and the finish; #2 is the cutover's marker. */
const STEERING_FAULTS = [
  'after commit-marker',
  'before barrier',
  'before enable-subscription',
  'after enable-subscription',
  'after commit-marker #2',
  'before set-sequences',
  'after set-sequences',
];

const NATIVE_FAULTS = ['after create-slot', 'after create-subscription', 'before look-for-sync'];

const CDC_FAULTS = ['after own-ledger', 'after create-journal', 'before create-subscription'];

describe('kill -9 of the worker, beside the main road', { concurrency: 4 }, () => {
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

  const cases = [
    ...STEERING_FAULTS.map((fault) => ({ fault, way: 'steered' as const })),
    ...NATIVE_FAULTS.map((fault) => ({ fault, way: 'native' as const })),
    ...CDC_FAULTS.map((fault) => ({ fault, way: 'cdc' as const })),
  ];
  for (const [index, { fault, way }] of cases.entries()) {
    it(`${fault} costs a migration nothing (${way})`, async () => {
      const name = `side-${String(index)}`;
      const databases = await createDatabases(world, name);
      if (way === 'cdc') await fillSample(databases.target);
      const taskQueue = name;
      const first = await startWorker(world, { taskQueue, fault });
      const second = first.ended.then(() => startWorker(world, { taskQueue }));
      const writer = startWriter({
        connection: databases.source,
        connections: 2,
        rate: way === 'cdc' ? 1 : 30,
      });
      try {
        // Without a load nothing may be written before the slot is there.
        if (way === 'cdc') await writer.stop();
        const migration = await client.start(
          specFor(name, databases, {
            taskQueue,
            ...(way === 'cdc' ? { mode: 'cdc' } : {}),
            ...(way === 'native' ? { load: { method: 'native' } } : {}),
          }),
        );
        await untilState(migration, ({ stage, status }) => stage === 'monitor' || status === 'blocked', 150);
        if (way === 'steered') await pauseAndCutOver(migration, () => writer.stop());
        else {
          await writer.stop();
          // Kept until a worker takes it: none may be alive at this moment.
          await migration.signal('stop', { now: true });
        }
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

/** Messages are repeated until a worker answers: one may have just died. */
async function pauseAndCutOver(migration: Migration, quiet: () => Promise<unknown>): Promise<void> {
  await migration.signal('pause', {});
  await untilState(migration, ({ lanes }) => lanes[0]?.status === 'stopped', 90);
  await migration.signal('resume', {});
  await untilState(
    migration,
    ({ lanes, status }) => status === 'running' && lanes[0]?.status === 'applying',
    90,
  );
  await quiet();
  const done = ({ cutover }: { cutover?: { outcome: string } }) => cutover?.outcome === 'done';
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    await migration.signal('cutover', { maxPause: '2min' });
    const state = await untilState(migration, ({ cutover }) => cutover !== undefined, 150);
    if (done(state)) break;
  }
  await migration.signal('finish', {});
}
