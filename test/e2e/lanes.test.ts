import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { connect } from '../../client/index.js';
import type { Migration, MigrationState, Pgtrek, SpecInput } from '../../client/index.js';
import { createOracle } from '../../dev/oracle.js';
import { waitUntil } from '../../dev/wait-until.js';
import { assertEqualDatabases } from '../harness/equal.js';
import { assertNothingLeft } from '../harness/leaks.js';
import { untilBlocked, untilCompleted, untilState } from '../harness/migrations.js';
import { specFor } from '../harness/spec.js';
import { assertExactAt, countEvents, markerOf } from '../harness/steered.js';
import {
  TRANSFER_LOAD,
  TRANSFER_SUM,
  createTransferTables,
  readSum,
  startTransfers,
} from '../harness/transfers.js';
import { startWorker } from '../harness/worker.js';
import type { TestWorker } from '../harness/worker.js';
import { createDatabases, openWorld, query } from '../harness/world.js';
import type { Databases, World } from '../harness/world.js';

/** The second part of `small`, the only one of its table that is left, while `big` is in. */
const IN_SMALL = 'before copy-data #5';

describe('tables that a lane could not copy', { concurrency: 2 }, () => {
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

  const start = (name: string, databases: Databases, rest: Partial<SpecInput> = {}) =>
    client.start(specFor(name, databases, { taskQueue: name, load: TRANSFER_LOAD, ...rest }));

  it('go to a new lane when its snapshot died, and those that are in stay: exact under load', async () => {
    const name = 'lost';
    const databases = await createDatabases(world, name);
    await createTransferTables(databases.source);
    const oracle = await createOracle(databases);
    const first = await startWorker(world, { taskQueue: name, fault: IN_SMALL });
    const transfers = startTransfers(databases.source);
    let second: TestWorker | undefined;
    try {
      const migration = await start(name, databases);
      await first.ended;
      second = await startWorker(world, { taskQueue: name });
      const following = await untilState(migration, ({ stage }) => stage === 'monitor', 180);
      assert.deepEqual(lanesOf(following), [
        ['pgtrek_lost_1', 'applying'],
        ['pgtrek_lost_2', 'applying'],
      ]);
      assert.equal(countEvents(following, 'lane-reduced'), 1);
      await migration.stop({ now: true, then: 'wait' });
      const standing = await untilState(migration, ({ status }) => status === 'stopped', 60);
      assert.equal(standing.stop?.report?.lanes.length, 2);
      assert.equal(await readSum(databases.target), TRANSFER_SUM);
      await assertExactAt(oracle, databases, markerOf(standing));
      assert.deepEqual(await foreignKeys(databases), [], 'a key between lanes waits');
      await migration.resume();
      await untilState(migration, ({ lanes }) => lanes.every(({ status }) => status === 'applying'));
      assert.ok((await transfers.stop()) > 100);
      await migration.stop({ now: true, then: 'finish' });
      await untilCompleted(migration);
      assert.deepEqual(await foreignKeys(databases), [{ name: 'small_big_id_fkey', valid: true }]);
      await assertEqualDatabases(databases);
      await assertNothingLeft(databases);
    } finally {
      await transfers.stop();
      await oracle.drop();
      await second?.stop();
    }
  });

  const REWRITES: Record<string, string> = {
    'vacuum-full': 'VACUUM FULL public.small',
    cluster: 'CLUSTER public.small USING small_pkey',
    truncate: `TRUNCATE public.small; INSERT INTO public.small VALUES (1, 1, 5, 'after')`,
  };

  for (const [kind, sql] of Object.entries(REWRITES)) {
    it(`go to a new lane when their heap was rewritten meanwhile (${kind}): equal under load`, async () => {
      const { migration, databases, worker } = await standStill(kind);
      const transfers = startTransfers(databases.source);
      try {
        await inTurn(databases, sql);
        worker.kill('SIGCONT');
        const following = await untilState(migration, ({ stage }) => stage === 'monitor', 120);
        assert.deepEqual(
          following.lanes.map(({ status }) => status),
          ['applying', 'applying'],
        );
        assert.equal(countEvents(following, 'rewritten'), 1);
        await transfers.stop();
        await migration.stop({ now: true, then: 'finish' });
        await untilCompleted(migration);
        await assertEqualDatabases(databases);
        await assertNothingLeft(databases);
      } finally {
        await transfers.stop();
        await worker.stop();
      }
    });
  }

  const CHANGES: Record<string, { sql: string; message: RegExp }> = {
    retyped: {
      sql: 'ALTER TABLE public.small ALTER COLUMN amount TYPE numeric',
      message: /column public\.small\.amount/,
    },
    dropped: { sql: 'DROP TABLE public.small', message: /table public\.small was dropped/ },
    attached: {
      sql: `CREATE TABLE public.payment_2031 (LIKE public.payment INCLUDING ALL);
        INSERT INTO public.payment_2031 SELECT * FROM public.payment LIMIT 0;
        ALTER TABLE public.payment ATTACH PARTITION public.payment_2031 FOR VALUES FROM ('2031-01-01') TO ('2032-01-01')`,
      message: /partition public\.payment_2031 was attached/,
    },
  };

  for (const [kind, { sql, message }] of Object.entries(CHANGES)) {
    it(`block when the schema has changed with them (${kind}), and a restart ends equal`, async () => {
      const { migration, databases, worker } = await standStill(kind);
      const transfers = startTransfers(databases.source);
      try {
        await inTurn(databases, sql);
        worker.kill('SIGCONT');
        const { blocked } = await untilBlocked(migration, 120);
        assert.equal(blocked?.code, 'SCHEMA_CHANGED');
        assert.match(blocked.message, message);
        await migration.restartOnSchemaChange({ dropTarget: true });
        await untilState(migration, ({ stage }) => stage === 'monitor', 120);
        await transfers.stop();
        await migration.stop({ now: true, then: 'finish' });
        await untilCompleted(migration);
        await assertEqualDatabases(databases);
        await assertNothingLeft(databases);
      } finally {
        await transfers.stop();
        await worker.stop();
      }
    });
  }

  it('are copied by the same lane after what hindered them on the target was mended', async () => {
    const { migration, databases, worker } = await standStill('hindered', { mode: 'full-load' });
    try {
      await query(databases.target, 'ALTER TABLE public.transfer ADD CONSTRAINT never CHECK (false)');
      await query(databases.source, 'INSERT INTO public.transfer (amount) VALUES (1)');
      worker.kill('SIGCONT');
      const blocked = await untilBlocked(migration, 120);
      assert.equal(blocked.blocked?.code, 'COPY_FAILED');
      assert.match(blocked.blocked.message, /public\.transfer.*never/s);
      assert.equal(blocked.totals.tablesCopied, blocked.totals.tables - 1, 'the others went on');
      await query(databases.target, 'ALTER TABLE public.transfer DROP CONSTRAINT never');
      await migration.retry();
      const done = await untilCompleted(migration);
      assert.equal(done.lanes.length, 1);
      const [row] = await query(databases.target, 'SELECT count(*)::int AS rows FROM public.transfer');
      assert.equal(row?.['rows'], 1);
      await assertNothingLeft(databases);
    } finally {
      await worker.stop();
    }
  });

  /** The worker stands still in the middle of `small`. */
  async function standStill(
    name: string,
    rest: Partial<SpecInput> = {},
  ): Promise<{ migration: Migration; databases: Databases; worker: TestWorker }> {
    const databases = await createDatabases(world, name);
    await createTransferTables(databases.source);
    await query(databases.source, 'INSERT INTO public.transfer (amount) VALUES (1)');
    const worker = await startWorker(world, { taskQueue: name, fault: `${IN_SMALL} by SIGSTOP` });
    const migration = await start(name, databases, rest);
    const stopped = await waitUntil(() => Promise.resolve(worker.isStopped()), { deadlineMs: 60_000 });
    assert.ok(stopped, worker.log());
    return { migration, databases, worker };
  }
});

/** The part that stands still holds a lock on its table: what waits for it is begun, and not waited for. */
async function inTurn({ source }: Databases, sql: string): Promise<void> {
  await query(
    source,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'pgtrek:%:copy' AND datname = current_database()`,
  );
  await query(source, sql);
}

function lanesOf({ lanes }: MigrationState): [string, string][] {
  return lanes.map(({ name, status }) => [name, status]);
}

function foreignKeys({ target }: Databases) {
  return query(
    target,
    `SELECT conname::text AS name, convalidated AS valid FROM pg_constraint
     WHERE contype = 'f' AND conrelid = 'public.small'::regclass`,
  );
}
