import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { laneName } from '../../../contract/names.js';
import { waitUntil } from '../../../dev/wait-until.js';
import { compareDatabases } from '../../../dev/oracle.js';
import { adoptChanges } from '../../../postgres/adopt/adopt-changes.js';
import { dropSubscription, subscribeLane } from '../../../postgres/lane/subscription.js';
import { makeSlot } from '../../../postgres/lane/make-slot.js';
import { publishLane } from '../../../postgres/lane/publication.js';
import { copyBatch } from '../../../postgres/load/copy-batch.js';
import { planLoad } from '../../../postgres/load/plan-load.js';
import { withTarget } from '../../../postgres/job.js';
import { holdSnapshot } from '../load/loading.js';
import { startPair } from '../pair.js';
import type { Databases, Pair } from '../pair.js';
import { complete, replicatedMigration } from './adopted.js';
import type { Replicated } from './adopted.js';

const SQL = `
  CREATE TABLE a (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, amount int, gone text DEFAULT 'x');
  CREATE TABLE b (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, amount int);`;

/** Transactions on both tables, some open while the schema changes, until it is stopped. */
function startWriting({ run }: Databases): () => Promise<void> {
  let isStopping = false;
  const write = async () => {
    while (!isStopping) {
      await run(
        'source',
        `BEGIN; INSERT INTO b (amount) VALUES (1); SELECT pg_sleep(0.01); INSERT INTO a (amount) VALUES (1);
         UPDATE a SET amount = amount + 1 WHERE id = (SELECT max(id) - 5 FROM a); COMMIT`,
      );
    }
  };
  const running = [write(), write()];
  return async () => {
    isStopping = true;
    await Promise.all(running);
  };
}

describe('adoption while a lane applies and others write', () => {
  let pair: Pair;
  let migration: Replicated;
  before(async () => {
    pair = await startPair({
      source: { major: 15, settings: { wal_level: 'logical' } },
      target: { major: 18 },
    });
    migration = await replicatedMigration(pair, SQL);
    await makeSlot(migration.job, migration.lane);
    await subscribeLane(migration.job, migration.lane);
  });
  after(async () => {
    const { job, lane } = migration;
    await withTarget(job, 'test', (target) => dropSubscription(target, lane));
    await migration.end();
    await pair.remove();
  });

  const caughtUp = async ({ databases: { run } }: Replicated, table: string) => {
    const rows = async (end: 'source' | 'target') =>
      JSON.stringify(await run(end, `SELECT count(*), sum(amount) FROM ${table}`));
    assert.ok(
      await waitUntil(async () => (await rows('source')) === (await rows('target')), { deadlineMs: 20_000 }),
      table,
    );
  };
  const errorsOf = async ({ databases: { run } }: Replicated) =>
    (await run('target', `SELECT apply_error_count::int AS errors FROM pg_stat_subscription_stats`))[0]?.[
      'errors'
    ];

  it('gives rows that are older than a column, and on their way, what they have on the source', async () => {
    const { job, lane, databases } = migration;
    const stop = startWriting(databases);
    try {
      await databases.run(
        'source',
        `ALTER TABLE b ADD stamp text DEFAULT 'old'; ALTER TABLE b ALTER stamp SET DEFAULT 'new'`,
      );
      const first = await adoptChanges(job, { lanes: [lane], standing: false });
      assert.deepEqual(
        first.left.map(({ kind }) => kind),
        ['column-added'],
      );
    } finally {
      await stop();
    }
    await caughtUp(migration, 'a');
    await databases.run('target', `ALTER SUBSCRIPTION ${lane} DISABLE`);
    const { tables } = await adoptChanges(job, { lanes: [lane], standing: true });
    assert.deepEqual(tables, []);
    await complete(job);
    await databases.run('target', `ALTER SUBSCRIPTION ${lane} ENABLE`);
    await databases.run('source', `INSERT INTO b (amount) VALUES (7)`);
    await caughtUp(migration, 'b');
    assert.deepEqual(
      (await compareDatabases(databases.servers.source, databases.servers.target)).problems,
      [],
    );
  });

  it('ignores what the lane still sends of a table that is loaded again', async () => {
    const { job, lane, databases } = migration;
    const stop = startWriting(databases);
    const before = await errorsOf(migration);
    try {
      await databases.run('target', `ALTER SUBSCRIPTION ${lane} DISABLE`);
      await databases.run(
        'source',
        `SELECT pg_sleep(0.3); ALTER TABLE a ALTER amount TYPE numeric USING amount * 2`,
      );
      const first = await adoptChanges(job, { lanes: [lane], standing: false });
      assert.deepEqual(
        first.left.map(({ kind }) => kind),
        ['column-retyped'],
      );
      const { tables } = await adoptChanges(job, { lanes: [lane], standing: true });
      assert.deepEqual(tables, ['public.a']);
      await complete(job);
      await databases.run('target', `ALTER SUBSCRIPTION ${lane} ENABLE`);
    } finally {
      await stop();
    }
    await databases.run('source', `INSERT INTO b (amount) VALUES (9)`);
    await caughtUp(migration, 'b');
    assert.equal(await errorsOf(migration), before, 'nothing failed');
    assert.deepEqual(await databases.run('target', 'SELECT count(*)::int AS rows FROM a'), [{ rows: 0 }]);

    const next = laneName(job.name, 2);
    await publishLane(job, next);
    const { snapshot, release } = await holdSnapshot(job);
    for (const batch of (await planLoad(job, next)).groups.flatMap(({ copies }) => copies))
      await copyBatch(
        job,
        next,
        { snapshots: [snapshot], batch, bytesPerSecond: undefined },
        () => undefined,
      );
    await release();
    assert.deepEqual(
      (await compareDatabases(databases.servers.source, databases.servers.target)).problems,
      [],
    );
  });
});
