import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { connect } from '../../client/index.js';
import type { Migration, MigrationState, Pgtrek, SpecInput } from '../../client/index.js';
import { assertEqualDatabases } from '../harness/equal.js';
import { holdUpCopy } from '../harness/hold-up.js';
import type { HeldUpCopy } from '../harness/hold-up.js';
import { assertNothingLeft } from '../harness/leaks.js';
import { untilBlocked, untilCompleted, untilState } from '../harness/migrations.js';
import { specFor } from '../harness/spec.js';
import { startWorker } from '../harness/worker.js';
import type { TestWorker } from '../harness/worker.js';
import { createDatabases, openWorld, query } from '../harness/world.js';
import type { Databases, World } from '../harness/world.js';

type Policy = SpecInput['cdc'] & object;

interface Steered {
  databases: Databases;
  migration: Migration;
}

/** All of them share the source's WAL: what is written there counts for each. */
describe('a WAL budget that is used up', () => {
  let world: World;
  let worker: TestWorker;
  let client: Pgtrek;
  let writer: pg.Client;
  let followed: Steered;
  let paused: Steered & { copy: HeldUpCopy };
  let released: Steered & { copy: HeldUpCopy };

  before(async () => {
    world = await openWorld();
    worker = await startWorker(world, { taskQueue: 'wal' });
    client = await connect({ address: world.temporal.address, taskQueue: 'wal' });
    const names = ['wal-follow', 'wal-pause', 'wal-release'];
    const databases = new Map<string, Databases>();
    for (const name of names) databases.set(name, await createDatabases(world, name));
    const start = async (name: string, cdc: Policy): Promise<Steered> => {
      const ends = databases.get(name);
      assert.ok(ends);
      const spec = specFor(name, ends, { taskQueue: 'wal', cdc: { walBudget: '160MB', ...cdc } });
      return { databases: ends, migration: await client.start(spec) };
    };
    const startHeldUp = async (name: string, cdc: Policy) => {
      const ends = databases.get(name);
      assert.ok(ends);
      const copy = holdUpCopy(ends);
      return { ...(await start(name, { stop: { now: true, then: 'finish' }, ...cdc })), copy: await copy };
    };
    [followed, paused, released] = await Promise.all([
      start('wal-follow', { onWalBudget: 'release', alerts: { openTransaction: '1s' } }),
      startHeldUp('wal-pause', { onWalBudget: 'pause' }),
      startHeldUp('wal-release', { onWalBudget: 'release' }),
    ]);
    await Promise.all([
      paused.copy.waits,
      released.copy.waits,
      untilState(followed.migration, ({ monitor }) => typeof monitor?.lagMs === 'number'),
    ]);
    // From here on no slot can let go of WAL, whatever is applied.
    writer = new pg.Client(world.source.connection('postgres'));
    await writer.connect();
    await writer.query('BEGIN; CREATE TABLE public.held ()');
  });
  after(async () => {
    await writer.end();
    await Promise.all([paused.copy.release(), released.copy.release()]);
    await client.close();
    await worker.stop();
    await world.close();
  });

  const writeWal = (megabytes: number) =>
    query(
      world.source.connection('postgres'),
      `SELECT pg_logical_emit_message(false, 'test', repeat('x', 8 * 1024 * 1024))
       FROM generate_series(1, $1::int)`,
      [megabytes / 8],
    );

  const stands = ({ migration }: Steered, id: string) =>
    untilState(migration, ({ alerts }) => alerts?.some((alert) => alert.id === id) === true, 30);

  it('is told at 50, 80 and 100 %, in load and in monitor, once each', async () => {
    await stands(followed, 'open-transaction');
    for (const [megabytes, id] of [
      [96, 'wal-50'],
      [40, 'wal-80'],
    ] as const) {
      await writeWal(megabytes);
      for (const each of [followed, paused, released]) await stands(each, id);
    }
    await writeWal(40);
    const state = await stands(paused, 'wal-100');
    assert.deepEqual(
      toldOf(state).map((text) => text.replace(/back .* of WAL on the source, \d+ %/, 'back WAL')),
      Array.from({ length: 3 }, () => 'our slots hold back WAL of cdc.walBudget (160MB)'),
    );
  });

  it('pauses the load', async () => {
    const { migration, copy, databases } = paused;
    const state = await untilState(migration, ({ status }) => status === 'paused');
    assert.equal(state.paused?.by, 'pgtrek');
    assert.match(eventsOf(state, 'wal-budget')[0] ?? '', /the load is paused/);
    await migration.resume();
    await copy.release();
    const done = await untilCompleted(migration);
    assert.equal(eventsOf(done, 'wal-budget').length, 1);
    assert.equal(done.alerts, undefined);
    await assertEqualDatabases(databases);
  });

  it('costs the lane that is followed its slot, and blocks', async () => {
    const { migration, databases } = followed;
    const state = await untilBlocked(migration, 30);
    assert.equal(state.blocked?.code, 'SLOT_LOST');
    assert.match(
      eventsOf(state, 'wal-budget').join(),
      /pgtrek_wal_follow_1 was dropped: it held back the most/,
    );
    assert.deepEqual(await slotsOf(databases), []);
    await migration.abort({ dropTarget: true });
    await migration.result();
    await assertNothingLeft(databases);
  });

  it('ends the load of the lane whose slot is dropped, until somebody retries it', async () => {
    const { migration, databases, copy } = released;
    const { blocked, lanes, stage } = await untilBlocked(migration, 30);
    assert.deepEqual([stage, blocked?.code], ['load', 'SLOT_LOST']);
    assert.deepEqual(
      lanes.map(({ status }) => status),
      ['dropped'],
    );
    assert.deepEqual(await slotsOf(databases), []);
    await writer.query('ROLLBACK');
    await copy.release();
    await migration.retry();
    const done = await untilCompleted(migration);
    assert.deepEqual(
      done.lanes.map(({ name }) => name),
      ['pgtrek_wal_release_1', 'pgtrek_wal_release_2'],
    );
    await assertEqualDatabases(databases);
    await assertNothingLeft(databases);
  });
});

function eventsOf({ events }: MigrationState, kind: string): string[] {
  return events.filter((event) => event.kind === kind).map(({ text }) => text);
}

function toldOf(state: MigrationState): string[] {
  return eventsOf(state, 'alert').filter((text) => text.includes('walBudget'));
}

function slotsOf({ source }: Databases): Promise<unknown[]> {
  return query(source, 'SELECT slot_name FROM pg_replication_slots WHERE database = current_database()');
}
