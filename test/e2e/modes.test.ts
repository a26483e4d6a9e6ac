import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { connect } from '../../client/index.js';
import type { Pgtrek } from '../../client/index.js';
import { createOracle } from '../../dev/oracle.js';
import { fillSample } from '../../dev/sample.js';
import { startWriter } from '../../dev/writer.js';
import { assertEqualDatabases } from '../harness/equal.js';
import { assertNothingLeft } from '../harness/leaks.js';
import { untilBlocked, untilCompleted, untilState } from '../harness/migrations.js';
import { specFor } from '../harness/spec.js';
import { assertExactAt, markerOf } from '../harness/steered.js';
import { startWorker } from '../harness/worker.js';
import type { TestWorker } from '../harness/worker.js';
import { createDatabases, openWorld, query } from '../harness/world.js';
import type { Databases, World } from '../harness/world.js';

const QUEUE = 'modes';

describe('other ways to bring a database over', () => {
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

  const inMonitor = (name: string) =>
    untilState(client.get(name), ({ stage, status }) => stage === 'monitor' || status === 'blocked');

  it('native: the server copies the rows itself, with writers at work, and the stop is exact', async () => {
    const databases = await createDatabases(world, 'native');
    const oracle = await createOracle({ source: databases.source });
    const writer = startWriter({ connection: databases.source, rate: 200 });
    try {
      const migration = await client.start(
        specFor('native', databases, {
          taskQueue: QUEUE,
          load: { method: 'native' },
          cdc: { stop: { never: true } },
        }),
      );
      const replicating = await inMonitor('native');
      assert.deepEqual(
        replicating.stages.map(({ name }) => name),
        ['validate', 'dump', 'restore', 'publish', 'subscribe', 'load', 'monitor', 'stop'],
      );
      assert.equal(replicating.totals.tablesCopied, replicating.totals.tables);
      assert.equal(replicating.totals.constraintsBuilt, replicating.totals.constraints);
      assert.ok((await migration.tables()).tables.every(({ status }) => status === 'ready'));
      await migration.stop({ now: true, then: 'wait' });
      const stopped = await untilState(migration, ({ status }) => status === 'stopped');
      await assertExactAt(oracle, databases, markerOf(stopped));
      await migration.resume();
      await untilState(migration, ({ lanes }) => lanes[0]?.status === 'applying');
      await writer.stop();
      await migration.stop({ now: true, then: 'finish' });
      await untilCompleted(migration);
      await assertEqualDatabases(databases);
      await assertNothingLeft(databases);
      assert.deepEqual(await syncSlots(databases), []);
    } finally {
      await writer.stop();
      await oracle.drop();
    }
  });

  it('native: an abort while the server copies leaves nothing, its own slots neither', async () => {
    const databases = await createDatabases(world, 'native_abort');
    // The copy of this table cannot end: somebody holds it on the target.
    const migration = await client.start(
      specFor('native-abort', databases, { taskQueue: QUEUE, load: { method: 'native' } }),
    );
    await untilState(
      migration,
      ({ stage }) => stage === 'publish' || stage === 'subscribe' || stage === 'load',
    );
    await query(
      databases.target,
      `CREATE FUNCTION public.hold() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(300); RETURN NEW; END';
       CREATE TRIGGER hold BEFORE INSERT ON public.film FOR EACH ROW EXECUTE FUNCTION public.hold();
       ALTER TABLE public.film ENABLE ALWAYS TRIGGER hold`,
    );
    await untilState(migration, ({ stage }) => stage === 'load');
    await migration.abort({ dropTarget: true });
    const state = await untilState(migration, ({ status }) => status === 'aborted');
    assert.deepEqual(state.outcome?.leftovers, []);
    await assertNothingLeft(databases);
    assert.deepEqual(await syncSlots(databases), []);
  });

  it('cdc from now: brings changes to tables that are there already', async () => {
    const databases = await createDatabases(world, 'cdc_now');
    await fillSample(databases.target);
    const oracle = await createOracle({ source: databases.source });
    const migration = await client.start(
      specFor('cdc-now', databases, { taskQueue: QUEUE, mode: 'cdc', cdc: { stop: { never: true } } }),
    );
    await inMonitor('cdc-now');
    const writer = startWriter({ connection: databases.source, rate: 200 });
    try {
      await untilState(migration, () => writer.report().committed > 200);
      await migration.stop({ now: true });
      const done = await untilCompleted(migration);
      await writer.stop();
      await assertExactAt(oracle, databases, markerOf(done));
      assert.ok((done.outcome?.sequencesSet ?? 0) > 0);
      await assertNothingLeft(databases);
    } finally {
      await writer.stop();
      await oracle.drop();
    }
  });

  it('cdc: a subscription that cannot be made at first loses nothing of what its slot has kept', async () => {
    const databases = await createDatabases(world, 'cdc_retry');
    await fillSample(databases.target);
    await query(databases.target, REFUSE_SQL);
    const oracle = await createOracle({ source: databases.source });
    const migration = await client.start(
      specFor('cdc-retry', databases, { taskQueue: QUEUE, mode: 'cdc', cdc: { stop: { never: true } } }),
    );
    const { blocked } = await untilBlocked(migration);
    assert.equal(blocked?.code, 'SUBSCRIPTION_FAILED');
    assert.match(blocked.message, /not now/);
    const writer = startWriter({ connection: databases.source, rate: 200 });
    try {
      await untilTrue(() => writer.report().committed > 100);
      await query(databases.target, 'DROP EVENT TRIGGER refuse; DROP FUNCTION public.refuse()');
      await migration.retry();
      await untilState(migration, ({ stage }) => stage === 'monitor');
      await migration.stop({ now: true });
      const done = await untilCompleted(migration);
      await writer.stop();
      await assertExactAt(oracle, databases, markerOf(done));
      await assertNothingLeft(databases);
    } finally {
      await writer.stop();
      await oracle.drop();
    }
  });

  it('cdc from a slot and a publication that exist: brings what they have kept, and leaves them', async () => {
    const databases = await createDatabases(world, 'cdc_slot');
    await fillSample(databases.target);
    await query(databases.source, 'CREATE PUBLICATION theirs FOR ALL TABLES');
    await query(databases.source, `SELECT pg_create_logical_replication_slot('theirs_slot', 'pgoutput')`);
    const writer = startWriter({ connection: databases.source, rate: 200 });
    await untilTrue(() => writer.report().committed > 200);
    const migration = await client.start(
      specFor('cdc-slot', databases, {
        taskQueue: QUEUE,
        mode: 'cdc',
        cdc: { start: { slot: 'theirs_slot', publication: 'theirs' }, stop: { never: true } },
      }),
    );
    try {
      await inMonitor('cdc-slot');
      await writer.stop();
      await migration.stop({ now: true });
      const done = await untilCompleted(migration);
      await assertEqualDatabases(databases);
      assert.match(done.outcome?.notes.join(' ') ?? '', /Slot theirs_slot and publication theirs .* stay/);
      await assertNothingLeft(databases);
      // Whoever reads from it next must not get twice what the target has.
      const kept = `SELECT FROM pg_replication_slots
        WHERE slot_name = 'theirs_slot' AND NOT active AND confirmed_flush_lsn >= $1::pg_lsn`;
      const { lsn } = done.stop?.report?.lanes[0] ?? { lsn: '' };
      assert.equal((await query(databases.source, kept, [lsn])).length, 1);
    } finally {
      await writer.stop();
      await query(databases.source, `SELECT pg_drop_replication_slot('theirs_slot')`);
    }
  });

  it('cdc from an LSN of such a slot: what committed before it is not brought', async () => {
    const databases = await createDatabases(world, 'cdc_lsn');
    for (const end of [databases.source, databases.target])
      await query(end, 'CREATE TABLE public.notes (id int PRIMARY KEY)');
    await query(databases.source, 'CREATE PUBLICATION notes FOR TABLE public.notes');
    await query(databases.source, `SELECT pg_create_logical_replication_slot('notes', 'pgoutput')`);
    try {
      await query(databases.source, 'INSERT INTO public.notes VALUES (1)');
      const [{ lsn } = { lsn: '' }] = await query<{ lsn: string }>(
        databases.source,
        'SELECT pg_current_wal_lsn()::text AS lsn',
      );
      await query(databases.source, 'INSERT INTO public.notes VALUES (2)');
      const start = { slot: 'notes', publication: 'notes', lsn };
      const migration = await client.start(
        specFor('cdc-lsn', databases, {
          taskQueue: QUEUE,
          mode: 'cdc',
          cdc: { start, stop: { now: true } },
        }),
      );
      const done = await untilCompleted(migration);
      assert.equal(done.totals.tables, 1);
      assert.deepEqual(await query(databases.target, 'SELECT id FROM public.notes'), [{ id: 2 }]);
      await assertNothingLeft(databases);

      const again = await client.start(
        specFor('cdc-lsn', databases, {
          taskQueue: QUEUE,
          mode: 'cdc',
          cdc: { start: { ...start, lsn: '0/1' }, stop: { now: true } },
        }),
      );
      const blocked = await untilBlocked(again);
      assert.match(blocked.blocked?.message ?? '', /Slot notes, .* stands at .* past 0\/1/);
      await again.abort();
      await untilState(again, ({ status }) => status === 'aborted');
      await assertNothingLeft(databases);
    } finally {
      await query(databases.source, `SELECT pg_drop_replication_slot('notes')`);
    }
  });
});

/** No subscription can be made once the migration has its ledger: validate passes. */
const REFUSE_SQL = `
  CREATE FUNCTION public.refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF to_regclass('pgtrek.migration') IS NOT NULL THEN RAISE EXCEPTION 'not now'; END IF;
  END $$;
  CREATE EVENT TRIGGER refuse ON ddl_command_start WHEN TAG IN ('CREATE SUBSCRIPTION')
    EXECUTE FUNCTION public.refuse()`;

async function untilTrue(condition: () => boolean): Promise<void> {
  const end = Date.now() + 30_000;
  while (!condition()) {
    assert.ok(Date.now() < end, 'in time');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Those that the server makes on the source while it copies. */
async function syncSlots({ source }: Databases): Promise<string[]> {
  const rows = await query<{ slot: string }>(
    source,
    `SELECT slot_name::text AS slot FROM pg_replication_slots WHERE slot_name ~ '^pg_[0-9]+_sync_'`,
  );
  return rows.map(({ slot }) => slot);
}
