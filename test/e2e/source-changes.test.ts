import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { connect } from '../../client/index.js';
import type { MigrationState, Pgtrek } from '../../client/index.js';
import { compareDatabases } from '../../dev/oracle.js';
import { waitUntil } from '../../dev/wait-until.js';
import { assertNothingLeft } from '../harness/leaks.js';
import { untilBlocked, untilCompleted, untilState } from '../harness/migrations.js';
import { specFor } from '../harness/spec.js';
import { startWorker } from '../harness/worker.js';
import { createDatabases, openWorld, query } from '../harness/world.js';
import type { Databases, World } from '../harness/world.js';

/** Each of these would lose rows without any error of the server. */
describe('a source that changes under the load', { concurrency: 3 }, () => {
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

  const start = (name: string, databases: Databases) =>
    client.start(specFor(name, databases, { taskQueue: name, cdc: { stop: { now: true } } }));

  it('is not loaded by an old list: a partition that is new since the dump blocks, and a restart brings it', async () => {
    const name = 'new-partition';
    const databases = await createDatabases(world, name);
    const first = await startWorker(world, { taskQueue: name, fault: 'before pg_restore pre-data' });
    const migration = await start(name, databases);
    await first.ended;
    await query(
      databases.source,
      `CREATE TABLE public.payment_2030 PARTITION OF public.payment FOR VALUES FROM ('2030-01-01') TO ('2031-01-01')`,
    );
    const second = await startWorker(world, { taskQueue: name });
    try {
      const { blocked } = await untilBlocked(migration, 90);
      assert.equal(blocked?.code, 'SCHEMA_CHANGED');
      assert.match(
        blocked.message,
        /: partition public\.payment_2030 was attached to public\.payment FOR VALUES/,
      );
      const owner = (await migration.state()).owner;
      await assert.rejects(migration.restartOnSchemaChange(), /consent/);
      await migration.restartOnSchemaChange({ dropTarget: true, by: 'ann' });
      const done = await untilState(migration, ({ status }) => status === 'completed', 120);
      assert.match(eventsOf(done), /restartOnSchemaChange was asked for by ann.*the migration begins again/s);
      assert.equal(done.owner, owner);
      // Numbers of lanes are never used again.
      assert.deepEqual(
        done.lanes.map((lane) => lane.name),
        ['pgtrek_new_partition_2'],
      );
      const compared = await compareDatabases(databases.source, databases.target, { sequences: true });
      assert.deepEqual(compared.problems, []);
      await assertNothingLeft(databases);
    } finally {
      await second.stop();
    }
  });

  it('is copied again when a heap was rewritten, and ends equal', async () => {
    const name = 'rewritten';
    const databases = await createDatabases(world, name);
    const { worker, migration } = await stopAtFirstRows(name, databases);
    try {
      await query(databases.source, 'VACUUM FULL public.language');
      worker.kill('SIGCONT');
      const state = await untilCompleted(migration);
      assert.match(
        eventsOf(state),
        /pgtrek_rewritten_1 keeps the tables that it has copied: public\.language was rewritten/,
      );
      const compared = await compareDatabases(databases.source, databases.target, { sequences: true });
      assert.deepEqual(compared.problems, []);
      await assertNothingLeft(databases);
    } finally {
      await worker.stop();
    }
  });

  it('blocks when another table took the name of one that is being copied', async () => {
    const name = 'swapped';
    const databases = await createDatabases(world, name);
    const { worker, migration } = await stopAtFirstRows(name, databases);
    try {
      await query(
        databases.source,
        'ALTER TABLE public.language RENAME TO language_old; CREATE TABLE public.language (LIKE language_old INCLUDING ALL)',
      );
      worker.kill('SIGCONT');
      const { blocked } = await untilBlocked(migration);
      assert.equal(blocked?.code, 'SCHEMA_CHANGED');
      assert.match(blocked.message, /table public\.language was added; table public\.language was renamed/);
      await migration.abort({ dropTarget: true });
      await migration.result();
      await assertNothingLeft(databases);
    } finally {
      await worker.stop();
    }
  });

  /** The worker stands still in the middle of its first table: the others are still to be copied. */
  async function stopAtFirstRows(name: string, databases: Databases) {
    const fault = 'before copy-data by SIGSTOP';
    const worker = await startWorker(world, { taskQueue: name, fault });
    const migration = await start(name, databases);
    assert.ok(await waitUntil(() => Promise.resolve(worker.isStopped()), { deadlineMs: 30_000 }));
    return { worker, migration };
  }
});

function eventsOf({ events }: MigrationState): string {
  return events.map(({ text }) => text).join('\n');
}
