import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Client, Connection, WorkflowFailedError } from '@temporalio/client';
import { CancelledFailure } from '@temporalio/common';
import pg from 'pg';
import { connect } from '../../client/index.js';
import type { Migration, Pgtrek, SpecInput } from '../../client/index.js';
import { waitUntil } from '../../dev/wait-until.js';
import { readCatalogs } from '../harness/catalog.js';
import { assertNothingLeft } from '../harness/leaks.js';
import { untilBlocked, untilState } from '../harness/migrations.js';
import { specFor } from '../harness/spec.js';
import { startWorker } from '../harness/worker.js';
import type { TestWorker } from '../harness/worker.js';
import { createDatabases, openWorld, query } from '../harness/world.js';
import type { Databases, World } from '../harness/world.js';

const QUEUE = 'abort';
const STAYS = 'What was restored stays on the target; abort with dropTarget would have dropped it.';

const ORPHAN_ROW = `
  SET session_replication_role = replica;
  INSERT INTO wish_list (customer_id, film_id) VALUES (1, -7)`;
const BLOCKS = { load: { foreignKeyViolations: 'block' } } as const;
const BIG_TABLE = `
  CREATE TABLE big (id int PRIMARY KEY, filler text);
  INSERT INTO big SELECT i, repeat('x', 500) FROM generate_series(1, 600000) i`;

describe('abort and cancel take everything of pgtrek away, in every stage', { concurrency: 2 }, () => {
  let world: World;
  let worker: TestWorker;
  let client: Pgtrek;
  let connection: Connection;
  let temporal: Client;

  before(async () => {
    world = await openWorld();
    worker = await startWorker(world, { taskQueue: QUEUE });
    client = await connect({ address: world.temporal.address, taskQueue: QUEUE });
    connection = await Connection.connect({ address: world.temporal.address });
    temporal = new Client({ connection });
  });
  after(async () => {
    await client.close();
    await connection.close();
    await worker.stop();
    await world.close();
  });

  it('abort, blocked in load: the restored tables stay, and the outcome says so', async () => {
    const { databases, migration } = await begin('in-load', ORPHAN_ROW, BLOCKS);
    await untilBlocked(migration);
    await migration.abort();
    assert.deepEqual(await migration.result(), { outcome: 'aborted', leftovers: [], notes: [STAYS] });
    await assertNothingLeft(databases);
    const [count] = await query<{ n: number }>(databases.target, 'SELECT count(*)::int AS n FROM film');
    assert.ok(count && count.n > 0);
  });

  it('abort, while a table is copied', async () => {
    const { databases, migration } = await begin('copying', BIG_TABLE, { load: { jobs: 1 } });
    await untilState(migration, ({ stage, totals }) => stage === 'load' && totals.bytesPlanned !== '0');
    await migration.abort({ dropTarget: true });
    assert.deepEqual(await migration.result(), { outcome: 'aborted', leftovers: [], notes: [] });
    await assertNothingLeft(databases);
  });

  it('abort, while the slot waits for a transaction of the source', async () => {
    const { databases, migration, holder } = await begin('waiting-slot', 'SELECT 1', { hold: true });
    try {
      const senders = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'walsender'`;
      const isWaiting = async () => (await query(databases.source, senders)).length > 0;
      assert.ok(await waitUntil(isWaiting, { deadlineMs: 60_000 }));
      await migration.abort();
      assert.equal((await migration.result()).outcome, 'aborted');
      await assertNothingLeft(databases);
    } finally {
      await holder?.end();
    }
  });

  it('abort with dropTarget, in monitor: exactly what was restored is dropped', async () => {
    const { databases, migration, untouched } = await begin('in-monitor');
    await untilState(migration, ({ stage }) => stage === 'monitor');
    await query(databases.target, 'CREATE SCHEMA mine CREATE TABLE kept (id int)');
    await migration.abort({ dropTarget: true });
    assert.deepEqual(await migration.result(), { outcome: 'aborted', leftovers: [], notes: [] });
    await assertNothingLeft(databases);
    assert.deepEqual(await query(databases.target, 'SELECT * FROM mine.kept'), []);
    await query(databases.target, 'DROP SCHEMA mine CASCADE');
    assert.deepEqual(await readCatalogs(databases), untouched);
  });

  it('abort with dropTarget leaves what others built upon, and names it', async () => {
    const { databases, migration } = await begin('built-upon');
    await untilState(migration, ({ stage }) => stage === 'monitor');
    await query(databases.target, 'CREATE VIEW my_films AS SELECT film_id, title FROM film');
    await migration.abort({ dropTarget: true });
    const { outcome, leftovers, notes } = await migration.result();
    assert.deepEqual({ outcome, leftovers }, { outcome: 'aborted', leftovers: [] });
    assert.ok(
      notes.some((note) => /not dropped on the target: DROP TABLE.* public\.film: .*my_films/.test(note)),
      notes.join('\n'),
    );
    assert.ok(!notes.some((note) => /public\.rental:/.test(note)), notes.join('\n'));
    assert.deepEqual(await query(databases.target, 'SELECT FROM my_films WHERE false'), []);
    await assertNothingLeft(databases);
  });

  it('abort, blocked with dump files on disk: they are removed', async () => {
    const load = { method: 'dump', foreignKeyViolations: 'block' } as const;
    const options = { mode: 'full-load', load, cdc: {} } as const;
    const { databases, migration } = await begin('on-disk', ORPHAN_ROW, options);
    assert.equal((await untilBlocked(migration)).stage, 'restore');
    await migration.abort({ dropTarget: true });
    assert.equal((await migration.result()).outcome, 'aborted');
    await assertNothingLeft(databases);
    assert.deepEqual(
      (await readdir(path.join(world.folder, 'data'))).filter((name) => name.startsWith('on-disk')),
      [],
    );
  });

  it("Temporal's own Cancel, in monitor", async () => {
    const { databases, migration } = await begin('cancelled');
    await untilState(migration, ({ stage }) => stage === 'monitor');
    await assertCancels(migration, databases);
  });

  it("Temporal's own Cancel, blocked in load", async () => {
    const { databases, migration } = await begin('cancel-blocked', ORPHAN_ROW, BLOCKS);
    await untilBlocked(migration);
    await assertCancels(migration, databases);
  });

  it("Temporal's own Cancel, blocked in validate", async () => {
    const { databases, migration } = await begin('cancel-early', 'CREATE TABLE no_key (a int)');
    await untilBlocked(migration);
    await assertCancels(migration, databases);
  });

  async function begin(
    name: string,
    arrange = 'SELECT 1',
    { hold = false, ...rest }: Partial<SpecInput> & { hold?: boolean } = {},
  ): Promise<{
    databases: Databases;
    migration: Migration;
    untouched: unknown;
    holder: pg.Client | undefined;
  }> {
    const databases = await createDatabases(world, name);
    await query(databases.source, arrange);
    const untouched = await readCatalogs(databases);
    const holder = hold ? new pg.Client(databases.source) : undefined;
    await holder?.connect();
    await holder?.query('BEGIN; SELECT txid_current()');
    const migration = await client.start(specFor(name, databases, rest));
    return { databases, migration, untouched, holder };
  }

  async function assertCancels(migration: Migration, databases: Databases): Promise<void> {
    const handle = temporal.workflow.getHandle(`pgtrek-${migration.name}`);
    await handle.cancel();
    await assert.rejects(
      handle.result(),
      (error) => error instanceof WorkflowFailedError && error.cause instanceof CancelledFailure,
    );
    assert.equal((await handle.describe()).status.name, 'CANCELLED');
    const state = await migration.state();
    assert.equal(state.status, 'aborted');
    assert.deepEqual(state.outcome?.leftovers, []);
    await assertNothingLeft(databases);
  }
});
