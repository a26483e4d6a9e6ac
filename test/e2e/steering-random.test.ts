import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { connect } from '../../client/index.js';
import type { MessageName, MessageShapes, Migration, Pgtrek } from '../../client/index.js';
import { createOracle } from '../../dev/oracle.js';
import { startWriter } from '../../dev/writer.js';
import { assertNothingLeft } from '../harness/leaks.js';
import { untilCompleted, untilState } from '../harness/migrations.js';
import { specFor } from '../harness/spec.js';
import { assertExactAt, markerOf } from '../harness/steered.js';
import { startWorker } from '../harness/worker.js';
import type { TestWorker } from '../harness/worker.js';
import { createDatabases, openWorld } from '../harness/world.js';
import type { World } from '../harness/world.js';

const QUEUE = 'random';
/** More by hand: `PGTREK_SEEDS=1,2,3 node test/run.mjs e2e/steering-random`. */
const SEEDS = (process.env.PGTREK_SEEDS ?? '7,11').split(',').map(Number);
const MESSAGES = 20;

type Message = { [Name in MessageName]: [Name, MessageShapes[Name]] }[MessageName];

/** What people send in a hurry, most of it untimely. */
const CHOICES: ((now: number) => Message)[] = [
  () => ['pause', {}],
  () => ['resume', {}],
  () => ['resume', {}],
  () => ['stop', { never: true }],
  () => ['stop', { now: true, then: 'wait' }],
  (now) => ['stop', { at: new Date(now + 300).toISOString(), then: 'wait' }],
  () => ['cutover', { dryRun: true }],
  () => ['cutover', { maxPause: '1ms' }],
  () => ['retry', {}],
];

describe('whatever is sent to a migration that replicates, in whatever order', { concurrency: 2 }, () => {
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

  for (const seed of SEEDS) {
    it(`ends exactly where the last stop says (seed ${String(seed)})`, async () => {
      const name = `random-${String(seed)}`;
      const databases = await createDatabases(world, name);
      const oracle = await createOracle({ source: databases.source });
      const writer = startWriter({ connection: databases.source, rate: 150 });
      try {
        const migration = await client.start(
          specFor(name, databases, { taskQueue: QUEUE, cdc: { stop: { never: true } } }),
        );
        await untilState(migration, ({ stage }) => stage === 'monitor');
        await sendAtRandom(migration, seed);
        await endIt(migration);
        const done = await untilCompleted(migration);
        await writer.stop();
        assert.deepEqual(
          done.events.filter(({ kind }) => kind === 'blocked'),
          [],
        );
        await assertExactAt(oracle, databases, markerOf(done));
        await assertNothingLeft(databases);
      } finally {
        await writer.stop();
        await oracle.drop();
      }
    });
  }
});

async function sendAtRandom(migration: Migration, seed: number): Promise<void> {
  const random = randomFrom(seed);
  for (let n = 0; n < MESSAGES; n += 1) {
    const choose = CHOICES[Math.floor(random() * CHOICES.length)];
    const [name, message] = choose?.(Date.now()) ?? ['resume', {}];
    await migration.signal(name, message);
    await new Promise((resolve) => setTimeout(resolve, random() * 700));
  }
}

/** Whatever the last of them led to: a pause, a stand, a cutover, a marker on its way. */
async function endIt(migration: Migration): Promise<void> {
  for (;;) {
    const state = await untilState(
      migration,
      ({ status, stage }) => status === 'paused' || status === 'stopped' || stage === 'monitor',
    );
    if (state.status === 'paused') await migration.resume().catch(() => undefined);
    else if (state.status === 'stopped') return void (await migration.finish().catch(() => endIt(migration)));
    else await migration.stop({ now: true, then: 'wait' }).catch(() => undefined);
  }
}

/** Mulberry32: the same numbers for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
