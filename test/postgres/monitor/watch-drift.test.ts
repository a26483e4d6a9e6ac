import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { LaneName } from '../../../contract/names.js';
import type { MonitorFigures } from '../../../contract/state.js';
import type { Job } from '../../../postgres/job.js';
import { withEnds, withTarget } from '../../../postgres/job.js';
import { clearLedger, createLedger } from '../../../postgres/ledger/create-ledger.js';
import { createDriftWatch } from '../../../postgres/monitor/watch-drift.js';
import type { DriftFigures } from '../../../postgres/monitor/watch-drift.js';
import { watchLanes } from '../../../postgres/monitor/watch-lanes.js';
import { dumpedMigration, jobFor } from '../fingerprint/dumped.js';
import { startPair } from '../pair.js';
import type { Pair } from '../pair.js';

/** Far longer than a watch takes that ends early. */
const LONG = 60;

describe('the watch over drift', () => {
  let pair: Pair;
  before(async () => {
    pair = await startPair({ source: { major: 18 }, target: { major: 15 } });
  });
  after(() => pair.remove());

  async function watch(job: Job, how: { seconds: number; knownDrift?: string }): Promise<MonitorFigures> {
    const started = Date.now();
    const figures = await watchLanes(job, {
      lanes: [],
      retired: [],
      standing: false,
      every: 200,
      onFigures: () => undefined,
      ...how,
    });
    assert.ok(Date.now() - started < (LONG / 2) * 1000, 'ended early');
    return figures;
  }

  const lookOnce = (job: Job, lanes: LaneName[] = []): Promise<DriftFigures> =>
    withEnds(job, 'test', (source, target) => createDriftWatch(job, lanes, source, target)());

  it('ends when there is drift, when there is more of it, and when it is gone', async () => {
    const { job, databases } = await dumpedMigration(pair);
    assert.equal((await watch(job, { seconds: 0 })).drift, undefined);

    await databases.run('source', 'ALTER TABLE app.customer ADD phone text');
    const first = await watch(job, { seconds: LONG });
    assert.deepEqual(first.drift?.changes, [
      { kind: 'column-added', object: 'app.customer.phone', to: 'text' },
    ]);
    assert.match(first.sourceLsn ?? '', /^[0-9A-F]+\/[0-9A-F]+$/);

    const same = await watch(job, { seconds: 0, knownDrift: first.drift.digest });
    assert.deepEqual(same.drift, first.drift);

    await databases.run('source', 'CREATE INDEX ON app.customer (phone)');
    const second = await watch(job, { seconds: LONG, knownDrift: first.drift.digest });
    assert.equal(second.drift?.total, 2);

    await databases.run('source', 'ALTER TABLE app.customer DROP phone');
    const last = await watch(job, { seconds: LONG, knownDrift: second.drift.digest });
    assert.equal(last.drift, undefined);
  });

  it('notices what changes while it watches', async () => {
    const { job, databases } = await dumpedMigration(pair);
    const watching = watch(job, { seconds: LONG });
    await new Promise((resolve) => setTimeout(resolve, 500));
    await databases.run('source', 'DROP VIEW app.spent CASCADE');
    assert.equal((await watching).drift?.total, 2);
  });

  it('goes on without drift where the dump took no fingerprint, or there is no table for it', async () => {
    const { job, databases } = await dumpedMigration(pair);
    await databases.run('source', 'CREATE TABLE app.t2 ()');
    await withTarget(job, 'test', async (target) => {
      await clearLedger(target, job.owner);
      await createLedger(target, job.owner, job.name);
    });
    assert.equal((await watch(job, { seconds: 0 })).drift, undefined);
    await databases.run('target', 'DROP TABLE pgtrek.fingerprint, pgtrek.schema_item');
    assert.equal((await watch(job, { seconds: 0 })).drift, undefined);
  });

  it('sees as much as a role without any privilege', async () => {
    await pair.newDatabases().then(({ run }) => run('source', `CREATE ROLE nobody LOGIN PASSWORD 'nobody'`));
    const { job, databases } = await dumpedMigration(pair, { user: 'nobody', password: 'nobody' });
    await databases.run(
      'source',
      `REVOKE USAGE ON SCHEMA app FROM PUBLIC; ALTER TABLE app.customer ADD phone text DEFAULT 'none';
       ALTER FUNCTION app.twice(int) COST 5; ALTER VIEW app.spent RENAME total TO sum;
       ALTER SEQUENCE app.numbers CACHE 5; ALTER POLICY own ON app.customer USING (true)`,
    );
    const all = await lookOnce(jobFor(databases));
    assert.equal(all.drift?.total, 5);
    assert.deepEqual(await lookOnce(job), all);
  });

  it('says why when the catalogs cannot be read, and goes on', async () => {
    const { job, databases } = await dumpedMigration(pair, { user: 'nobody', password: 'nobody' });
    await databases.run('source', 'REVOKE SELECT ON pg_catalog.pg_policy FROM PUBLIC');
    const { drift, driftUnknown } = await watch(job, { seconds: 0, knownDrift: 'some' });
    assert.equal(drift, undefined);
    assert.match(driftUnknown ?? '', /permission denied for table pg_policy/);
  });

  it('does not wait long for a table that somebody holds', async () => {
    const { job, databases } = await dumpedMigration(pair);
    await databases.run('source', 'ALTER VIEW app.spent RENAME total TO sum');
    await withEnds(job, 'test', async (source, target) => {
      const look = createDriftWatch(job, [], source, target);
      await withEnds(job, 'holder', (holder) =>
        holder.transaction(async () => {
          await holder.query('LOCK TABLE app.customer IN ACCESS EXCLUSIVE MODE');
          assert.equal((await look()).drift?.total, 1);
        }),
      );
    });
  });

  it('tells partitions whose rows were moved, as TRUNCATE does', async () => {
    const { job, databases } = await dumpedMigration(pair);
    const lane = 'pgtrek_drift_1' as LaneName;
    const laid = (await databases.run(
      'source',
      `SELECT c.oid, format('app.%I', relname) AS name, relispartition, pg_relation_filenode(c.oid) AS heap
       FROM pg_class c WHERE relnamespace = 'app'::regnamespace AND relkind = 'r' ORDER BY c.oid`,
    )) as { oid: number; name: string; relispartition: boolean; heap: number }[];
    await withTarget(job, 'test', async (target) => {
      for (const [id, { oid, name, relispartition, heap }] of laid.entries()) {
        await target.query(
          `INSERT INTO pgtrek.relation VALUES ($1, $2, $3, $4, 'r', $5, true, true, '', true, '', 0, 0, $6)`,
          [job.owner, id, oid, name, relispartition ? -1 : id, lane],
        );
        await target.query(`INSERT INTO pgtrek.filenode VALUES ($1, $2, $3, $4)`, [
          job.owner,
          lane,
          id,
          heap,
        ]);
      }
    });
    assert.deepEqual(await lookOnce(job, [lane]), {});
    await databases.run('source', 'TRUNCATE app.event_2025, app.child');
    await databases.run('source', 'VACUUM FULL app.event_2026');
    assert.deepEqual((await lookOnce(job, [lane])).drift?.changes, [
      { kind: 'partition-rewritten', object: 'app.event_2025' },
      { kind: 'partition-rewritten', object: 'app.event_2026' },
    ]);
  });
});
