import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { connect } from '../../client/index.js';
import type { Migration, Pgtrek } from '../../client/index.js';
import { fillSample } from '../../dev/sample.js';
import { startWriter } from '../../dev/writer.js';
import { assertEqualDatabases } from '../harness/equal.js';
import { assertNothingLeft } from '../harness/leaks.js';
import { untilCompleted, untilState } from '../harness/migrations.js';
import { specFor } from '../harness/spec.js';
import { startSuccession } from '../harness/succession.js';
import { createDatabases, openWorld } from '../harness/world.js';
import type { World } from '../harness/world.js';

/**
 * Where workers die, one after the other in one migration: between the pause's marker and the finish. A marker that
 * follows a resume is the stop's.
 */
const STEERING_FAULTS = [
  ['after commit-marker', 'after enable-subscription', 'before set-sequences'],
  ['before barrier', 'after set-sequences'],
  ['before enable-subscription', 'after commit-marker'],
];

/** Inside cutovers: one is undone, the next one completed. */
const CUTOVER_FAULTS = [['after lock-strongly', 'after decide']];

const NATIVE_FAULTS = [['after create-slot', 'after create-subscription', 'before look-for-sync']];

const CDC_FAULTS = [['after own-ledger', 'after create-journal', 'before create-subscription']];

describe('kill -9 of the worker, beside the main road', { concurrency: 5 }, () => {
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

  const cases = [
    ...STEERING_FAULTS.map((faults) => ({ faults, way: 'steered' as const })),
    ...CUTOVER_FAULTS.map((faults) => ({ faults, way: 'cutover' as const })),
    ...NATIVE_FAULTS.map((faults) => ({ faults, way: 'native' as const })),
    ...CDC_FAULTS.map((faults) => ({ faults, way: 'cdc' as const })),
  ];
  for (const [index, { faults, way }] of cases.entries()) {
    it(`${faults.join(', ')}: costs a migration nothing (${way})`, async () => {
      const name = `side-${String(index)}`;
      const databases = await createDatabases(world, name);
      if (way === 'cdc') await fillSample(databases.target);
      const taskQueue = name;
      const workers = await startSuccession(world, { taskQueue, faults });
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
            ...(way === 'cutover' ? { cutover: { reverse: true } } : {}),
            ...(way === 'native' ? { load: { method: 'native' } } : {}),
          }),
        );
        await untilState(migration, ({ stage, status }) => stage === 'monitor' || status === 'blocked', 240);
        if (way === 'steered') await pauseAndStop(migration, () => writer.stop());
        else if (way === 'cutover') {
          await writer.stop();
          await cutOver(migration);
        } else {
          await writer.stop();
          // Kept until a worker takes it: none may be alive at this moment.
          await migration.signal('stop', { now: true });
        }
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
});

/** Tried again until it is done: the changes of the new primary follow then. */
async function cutOver(migration: Migration): Promise<void> {
  const outcomes: string[] = [];
  for (let at: string | undefined; outcomes.at(-1) !== 'done';) {
    assert.ok(outcomes.length < 5, outcomes.join());
    await migration.signal('cutover', { maxPause: '30s' });
    const { cutover } = await untilState(migration, (state) => (state.cutover?.at ?? at) !== at, 150);
    at = cutover?.at;
    outcomes.push(cutover?.outcome ?? '');
  }
  assert.ok(outcomes.includes('undone'), outcomes.join());
  await untilState(
    migration,
    ({ stage, lanes }) => stage === 'protect' && lanes.at(-1)?.status === 'applying',
    90,
  );
  await migration.signal('finish', {});
}

/** Messages are repeated until a worker answers: one may have just died. */
async function pauseAndStop(migration: Migration, quiet: () => Promise<unknown>): Promise<void> {
  await migration.signal('pause', {});
  await untilState(migration, ({ lanes }) => lanes[0]?.status === 'stopped', 90);
  await migration.signal('resume', {});
  await untilState(
    migration,
    ({ lanes, status }) => status === 'running' && lanes[0]?.status === 'applying',
    90,
  );
  await quiet();
  await migration.signal('stop', { now: true, then: 'wait' });
  await untilState(migration, ({ status }) => status === 'stopped', 150);
  await migration.signal('finish', {});
}
