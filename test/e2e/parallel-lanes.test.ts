import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { connect } from '../../client/index.js';
import type { MigrationState, Pgtrek, SpecInput } from '../../client/index.js';
import { createOracle } from '../../dev/oracle.js';
import { waitUntil } from '../../dev/wait-until.js';
import { assertEqualDatabases } from '../harness/equal.js';
import { assertNothingLeft } from '../harness/leaks.js';
import { untilBlocked, untilCompleted, untilState } from '../harness/migrations.js';
import { specFor } from '../harness/spec.js';
import { assertExactAt, countEvents, markerOf } from '../harness/steered.js';
import { startWorker } from '../harness/worker.js';
import type { TestWorker } from '../harness/worker.js';
import { createDatabases, openWorld, query } from '../harness/world.js';
import type { Databases, World } from '../harness/world.js';

/** Nobody inserts into `a`, and nobody truncates it: `fired` tells when something of ours does. */
const TABLES_SQL = `
  CREATE TABLE public.a (id int PRIMARY KEY, amount bigint NOT NULL);
  CREATE TABLE public.b (id int PRIMARY KEY, amount bigint NOT NULL);
  CREATE TABLE public.c (id int PRIMARY KEY, amount bigint NOT NULL);
  CREATE TABLE public.a_note (id int PRIMARY KEY, a_id int NOT NULL REFERENCES public.a);
  CREATE TABLE public.fired (id serial PRIMARY KEY, op text NOT NULL);
  INSERT INTO public.a SELECT n, 1000 FROM generate_series(1, 2000) n;
  INSERT INTO public.b SELECT n, 1000 FROM generate_series(1, 2000) n;
  INSERT INTO public.c SELECT n, 1000 FROM generate_series(1, 2000) n;
  INSERT INTO public.a_note SELECT n, n FROM generate_series(1, 500) n;
  CREATE FUNCTION public.fire() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO public.fired (op) VALUES (TG_OP); RETURN NULL; END';
  CREATE TRIGGER row_fires AFTER INSERT ON public.a FOR EACH ROW EXECUTE FUNCTION public.fire();
  CREATE TRIGGER truncate_fires AFTER TRUNCATE ON public.a EXECUTE FUNCTION public.fire();
  ALTER TABLE public.a ENABLE ALWAYS TRIGGER truncate_fires`;

/** Over all three tables, whatever is moved between them. */
const SUM = '6000000';

describe('several lanes', { concurrency: 3 }, () => {
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

  const start = (name: string, databases: Databases, cdc: SpecInput['cdc']) =>
    client.start(specFor(name, databases, { taskQueue: name, cdc }));

  async function create(name: string): Promise<Databases> {
    const databases = await createDatabases(world, name, 'template1');
    await query(databases.source, TABLES_SQL);
    return databases;
  }

  it('stop at one commit, and what one of them loses is loaded again while the others stream on', async () => {
    const databases = await create('three');
    const oracle = await createOracle(databases);
    const worker = await startWorker(world, { taskQueue: 'three' });
    const transfers = startTransfers(databases.source);
    try {
      const migration = await start('three', databases, { lanes: 3 });
      const following = await untilState(migration, ({ stage }) => stage === 'monitor', 60);
      assert.deepEqual(statusesOf(following), ['applying', 'applying', 'applying']);
      assert.equal(await laneOf(databases, 'a_note'), await laneOf(databases, 'a'), 'a key joins them');
      await migration.stop({ now: true, then: 'wait' });
      const standing = await untilState(migration, ({ status }) => status === 'stopped');
      assert.equal(await readSum(databases.target), SUM);
      await assertExactAt(oracle, databases, markerOf(standing));
      await migration.resume();
      await untilState(migration, ({ lanes }) => lanes.every(({ status }) => status === 'applying'));

      const lost = await laneOf(databases, 'a');
      await dropSlot(databases.source, lost);
      const blocked = await untilBlocked(migration);
      assert.equal(blocked.blocked?.code, 'SLOT_LOST');
      assert.match(blocked.blocked.message, new RegExp(`${lost} is gone from the source`));
      assert.match(blocked.blocked.remedy ?? '', /loaded again in a new lane/);
      assert.deepEqual(lostOf(blocked), [lost]);
      await assertArrives(databases, 3_001);
      await migration.retry();
      await untilState(migration, ({ stage }) => stage === 'load');
      await assertArrives(databases, 3_002);
      await migration.stop({ now: true, then: 'wait' });
      const stopped = await untilState(migration, ({ status }) => status === 'stopped');
      assert.equal(stopped.stop?.report?.lanes.length, 3);
      assert.equal(countEvents(stopped, 'load-again'), 1);
      assert.equal(await readSum(databases.target), SUM);
      await assertExactAt(oracle, databases, markerOf(stopped));
      assert.deepEqual(await definitions(databases.target), await definitions(databases.source));
      assert.ok((await transfers.stop()) > 50);
      await migration.finish();
      await untilCompleted(migration);
      await assertNothingLeft(databases);
    } finally {
      await transfers.stop();
      await oracle.drop();
      await worker.stop();
    }
  });

  it('are copied by the server, again too', async () => {
    const databases = await create('native');
    const worker = await startWorker(world, { taskQueue: 'native' });
    try {
      const migration = await client.start(
        specFor('native', databases, {
          taskQueue: 'native',
          load: { method: 'native' },
          cdc: { lanes: 2 },
        }),
      );
      await untilState(migration, ({ stage, monitor }) => stage === 'monitor' && monitor !== undefined);
      await dropSlot(databases.source, await laneOf(databases, 'a'));
      const blocked = await untilBlocked(migration);
      assert.equal(blocked.lanes.length, 2);
      await migration.retry();
      await untilState(
        migration,
        (state) => state.stage === 'monitor' && countEvents(state, 'load-again') === 1,
      );
      await migration.stop({ now: true, then: 'finish' });
      await untilCompleted(migration);
      await assertEqualDatabases(databases);
      assert.deepEqual(await definitions(databases.target), await definitions(databases.source));
      await assertNothingLeft(databases);
    } finally {
      await worker.stop();
    }
  });

  it('bring changes alone into tables that are there, and block for good when one is lost', async () => {
    const databases = await create('alone');
    await query(databases.target, TABLES_SQL);
    const worker = await startWorker(world, { taskQueue: 'alone' });
    try {
      const spec = specFor('alone', databases, { taskQueue: 'alone', mode: 'cdc', cdc: { lanes: 3 } });
      const migration = await client.start(spec);
      const following = await untilState(migration, ({ stage }) => stage === 'monitor');
      assert.deepEqual(statusesOf(following), ['applying', 'applying', 'applying']);
      await assertArrives(databases, 3_001);
      await dropSlot(databases.source, await laneOf(databases, 'a'));
      assert.match((await untilBlocked(migration)).blocked?.remedy ?? '', /abort, then start again/);
      await migration.abort({});
      await untilState(migration, ({ status }) => status === 'aborted');
      await assertNothingLeft(databases);
    } finally {
      await worker.stop();
    }
  });

  const FAULTS = { 'given up': 'after drop-subscription', 'loaded again': 'before copy-data' };

  it('stop late when one of them is lost before it came to the marker, at which the others stand already', async () => {
    const databases = await create('late');
    const worker = await startWorker(world, { taskQueue: 'late' });
    const transfers = startTransfers(databases.source);
    try {
      const migration = await start('late', databases, { lanes: 3 });
      await untilState(migration, ({ stage, monitor }) => stage === 'monitor' && monitor !== undefined);
      await dropSlot(databases.source, await laneOf(databases, 'a'));
      await migration.stop({ now: true, then: 'wait' });
      await untilBlocked(migration);
      await transfers.stop();
      await migration.retry();
      const stopped = await untilState(migration, ({ status }) => status === 'stopped');
      assert.equal(countEvents(stopped, 'stop-late'), 1);
      assert.equal(stopped.stop?.report?.lanes.length, 3);
      await migration.finish();
      await untilCompleted(migration);
      await assertEqualDatabases(databases);
      await assertNothingLeft(databases);
    } finally {
      await transfers.stop();
      await worker.stop();
    }
  });

  for (const [when, fault] of Object.entries(FAULTS)) {
    it(`end equal when the worker dies while what one of them carried is ${when}`, async () => {
      const name = when.replace(' ', '-');
      const databases = await create(name);
      const worker = await startWorker(world, { taskQueue: name });
      const transfers = startTransfers(databases.source);
      let second: TestWorker | undefined;
      try {
        const migration = await start(name, databases, { lanes: 2 });
        await untilState(migration, ({ lanes }) => lanes.every(({ status }) => status === 'applying'));
        await untilState(migration, ({ stage }) => stage === 'monitor');
        await dropSlot(databases.source, await laneOf(databases, 'a'));
        await untilBlocked(migration);
        // Taken by the worker that is to die.
        await worker.stop();
        const dying = await startWorker(world, { taskQueue: name, fault });
        await migration.signal('retry', {});
        await dying.ended;
        second = await startWorker(world, { taskQueue: name });
        await untilState(
          migration,
          (state) => state.stage === 'monitor' && countEvents(state, 'load-again') === 1,
          90,
        );
        await transfers.stop();
        await migration.stop({ now: true, then: 'finish' });
        await untilCompleted(migration);
        await assertEqualDatabases(databases);
        assert.deepEqual(await definitions(databases.target), await definitions(databases.source));
        await assertNothingLeft(databases);
      } finally {
        await transfers.stop();
        await worker.stop();
        await second?.stop();
      }
    });
  }
});

function statusesOf({ lanes }: MigrationState): string[] {
  return lanes.map(({ status }) => status);
}

function lostOf({ lanes }: MigrationState): string[] {
  return lanes.filter(({ status }) => status === 'lost').map(({ name }) => name);
}

async function laneOf({ target }: Databases, table: string): Promise<string> {
  const [row] = await query<{ lane: string }>(
    target,
    `SELECT lane FROM pgtrek.relation WHERE qualified = $1`,
    [`public.${table}`],
  );
  return row?.lane ?? '';
}

async function dropSlot(source: pg.ClientConfig, slot: string): Promise<void> {
  const dropped = await waitUntil(
    () =>
      query(
        source,
        `SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '${slot}' AND active_pid IS NOT NULL`,
      )
        .then(() => query(source, `SELECT pg_drop_replication_slot('${slot}')`))
        .then(
          () => true,
          () => false,
        ),
    { deadlineMs: 20_000 },
  );
  assert.ok(dropped);
}

/** A row of `c`, which is in another lane than `a`. */
async function assertArrives({ source, target }: Databases, id: number): Promise<void> {
  await query(source, 'INSERT INTO public.c VALUES ($1, 0)', [id]);
  const arrived = await waitUntil(
    async () => (await query(target, 'SELECT FROM public.c WHERE id = $1', [id])).length > 0,
    { deadlineMs: 10_000 },
  );
  assert.ok(arrived);
}

async function readSum(end: pg.ClientConfig): Promise<string> {
  const [row] = await query<{ sum: string }>(
    end,
    `SELECT sum(amount)::text AS sum FROM
      (SELECT amount FROM public.a UNION ALL SELECT amount FROM public.b UNION ALL SELECT amount FROM public.c) t`,
  );
  return row?.sum ?? '';
}

/** Triggers, keys and indexes of the tables. */
async function definitions(end: pg.ClientConfig): Promise<string[]> {
  const rows = await query<{ line: string }>(
    end,
    `SELECT concat(pg_get_triggerdef(oid), ' ', tgenabled) AS line FROM pg_trigger WHERE NOT tgisinternal
       AND tgrelid IN ('public.a'::regclass, 'public.b'::regclass, 'public.c'::regclass)
     UNION ALL SELECT concat(conrelid::regclass, ' ', pg_get_constraintdef(oid), ' ', convalidated) FROM pg_constraint
       WHERE contype IN ('p', 'f') AND connamespace = 'public'::regnamespace
     ORDER BY 1`,
  );
  return rows.map(({ line }) => line);
}

/** Each moves an amount round over the three tables. */
function startTransfers(source: pg.ClientConfig): { stop: () => Promise<number> } {
  let isStopping = false;
  let committed = 0;
  const run = async () => {
    const client = new pg.Client(source);
    await client.connect();
    while (!isStopping) {
      const amount = String(1 + Math.floor(Math.random() * 9));
      const id = String(1 + Math.floor(Math.random() * 2_000));
      await client.query(`BEGIN;
        UPDATE public.a SET amount = amount - ${amount} WHERE id = ${id};
        UPDATE public.b SET amount = amount + 2 * ${amount} WHERE id = ${id};
        UPDATE public.c SET amount = amount - ${amount} WHERE id = ${id};
        COMMIT`);
      committed += 1;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await client.end();
  };
  const running = [run(), run()];
  return {
    stop: async () => {
      isStopping = true;
      await Promise.all(running);
      return committed;
    },
  };
}
