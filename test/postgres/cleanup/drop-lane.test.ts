import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { laneName } from '../../../contract/names.js';
import type { LaneName } from '../../../contract/names.js';
import { dropLane } from '../../../postgres/cleanup/remove-objects.js';
import { withTarget } from '../../../postgres/job.js';
import { makeSlot } from '../../../postgres/lane/make-slot.js';
import { publishLane } from '../../../postgres/lane/publication.js';
import { subscribeLane } from '../../../postgres/lane/subscription.js';
import { releaseTables } from '../../../postgres/ledger/lane-tables.js';
import { buildForeignKeys } from '../../../postgres/load/build-foreign-keys.js';
import { buildIndexes } from '../../../postgres/load/build-indexes.js';
import { copyBatch } from '../../../postgres/load/copy-batch.js';
import { refreshViews } from '../../../postgres/load/finish-target.js';
import { planIndexes } from '../../../postgres/load/plan-indexes.js';
import { planLoad } from '../../../postgres/load/plan-load.js';
import { restorePostData } from '../../../postgres/schema/restore-section.js';
import { waitUntil } from '../../../postgres/wait-until.js';
import { holdSnapshot, startLoading } from '../load/loading.js';
import type { Loading } from '../load/loading.js';
import { startPair } from '../pair.js';
import type { Pair } from '../pair.js';

/** What acts on rows that come in, and what hangs on the tables of `lost`: `kept` refers to them from another lane. */
const SQL = `
  CREATE TABLE fired (id serial PRIMARY KEY, what text);
  CREATE TABLE lost (id int PRIMARY KEY, t text UNIQUE);
  CREATE TABLE event (id int, at int, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
  CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM (1) TO (10);
  CREATE TABLE kept (id int PRIMARY KEY, lost_id int REFERENCES lost);
  INSERT INTO lost SELECT n, n::text FROM generate_series(1, 100) n;
  INSERT INTO event SELECT n, 1 FROM generate_series(1, 100) n;
  INSERT INTO kept SELECT n, n FROM generate_series(1, 100) n;
  CREATE MATERIALIZED VIEW filled AS SELECT id, t FROM lost GROUP BY id;
  CREATE VIEW grouped AS SELECT id, t FROM lost GROUP BY id;
  CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO fired (what) VALUES (TG_TABLE_NAME || TG_OP); RETURN NULL; END';
  CREATE TRIGGER "On row" AFTER INSERT ON lost FOR EACH ROW EXECUTE FUNCTION fire();
  CREATE TRIGGER on_empty BEFORE TRUNCATE ON lost EXECUTE FUNCTION fire();
  CREATE TRIGGER on_part AFTER INSERT ON event FOR EACH ROW EXECUTE FUNCTION fire();
  ALTER TABLE lost ENABLE ALWAYS TRIGGER on_empty, ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
  CREATE POLICY few ON lost USING (id < 10);
  CREATE RULE no_delete AS ON DELETE TO lost DO INSTEAD NOTHING;`;

const DEFINITIONS_SQL = `
  SELECT concat(pg_get_triggerdef(oid), ' ', tgenabled) AS line FROM pg_trigger
    WHERE NOT tgisinternal AND tgrelid::regclass::text !~ 'pgtrek'
  UNION ALL SELECT concat(conrelid::regclass, ' ', pg_get_constraintdef(oid), ' ', convalidated) FROM pg_constraint
    WHERE contype IN ('p', 'u', 'f') AND connamespace = 'public'::regnamespace
  UNION ALL SELECT concat(relname, ' ', relrowsecurity, ' ', relforcerowsecurity) FROM pg_class
    WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
  UNION ALL SELECT concat(tablename, ' ', rulename, ' ', definition) FROM pg_rules WHERE schemaname = 'public'
  ORDER BY 1`;

describe('a lane that is given up while it streams', () => {
  let pair: Pair;
  let loading: Loading;
  const lost = laneName('load', 2);

  before(async () => {
    pair = await startPair({
      source: { major: 15, settings: { wal_level: 'logical' } },
      target: { major: 18 },
    });
    loading = await startLoading(pair, { sql: SQL, spec: { mode: 'full-load-and-cdc' } });
  });
  after(async () => {
    await loading.end();
    await pair.remove();
  });

  it('leaves its tables empty, without what would act on new rows, and the others as they are', async () => {
    const { job, lane, databases } = loading;
    await moveToLost();
    await bring(lane);
    await bring(lost);
    await complete(true);
    const expected = await databases.run('source', DEFINITIONS_SQL);
    assert.deepEqual(await databases.run('target', DEFINITIONS_SQL), expected);
    await makeSlot(job, lost);
    await subscribeLane(job, lost);
    await databases.run('source', 'INSERT INTO event VALUES (1000, 1)');
    assert.ok(await waitUntil({ seconds: 20 }, async () => (await count('event')) === 101));
    await databases.run('source', 'DELETE FROM event WHERE id = 1000; DELETE FROM fired');

    await databases.run('target', 'CREATE TRIGGER theirs AFTER INSERT ON lost EXECUTE FUNCTION fire()');
    await assert.rejects(dropLane(job, lost), { code: 'COPY_FAILED', object: 'public.lost' });
    await databases.run('target', 'DROP TRIGGER theirs ON lost');
    await dropLane(job, lost);
    await dropLane(job, lost);
    assert.deepEqual([await count('lost'), await count('event'), await count('kept')], [0, 0, 100]);
    assert.deepEqual(await databases.run('source', 'SELECT slot_name FROM pg_replication_slots'), []);
    assert.deepEqual(await databases.run('target', 'SELECT subname FROM pg_subscription'), []);

    const next = laneName(job.name, 3);
    assert.equal((await publishLane(job, next)).tables, 2);
    await bring(next);
    await complete(false);
    const without = expected.filter(({ line }) => !String(line).startsWith('kept FOREIGN'));
    assert.deepEqual(await databases.run('target', DEFINITIONS_SQL), without, 'the key between lanes waits');
    await complete(true);
    assert.deepEqual(await databases.run('target', DEFINITIONS_SQL), expected);
    assert.equal(await count('fired'), 0);
    await loading.assertEqual();
  });

  const count = async (table: string) =>
    Number((await loading.databases.run('target', `SELECT count(*) FROM ${table}`))[0]?.['count']);

  /** Takes the tables from the first lane that is to lose them later. */
  async function moveToLost(): Promise<void> {
    const { job, lane, databases } = loading;
    const rows = await databases.run(
      'target',
      `SELECT id FROM pgtrek.relation WHERE kind IN ('r', 'p') AND qualified ~ 'lost|event'`,
    );
    const ids = rows.map(({ id }) => Number(id));
    await withTarget(job, 'test', (target) => releaseTables(target, job.owner, lane, ids));
    await publishLane(job, lost);
  }

  async function bring(lane: LaneName): Promise<void> {
    const { job } = loading;
    const held = await holdSnapshot(job);
    for (const { copies } of (await planLoad(job, lane)).groups)
      for (const batch of copies)
        await copyBatch(job, lane, { snapshots: [held.snapshot], batch }, () => undefined);
    await held.release();
  }

  async function complete(standing: boolean): Promise<void> {
    const { job } = loading;
    for (const task of (await planIndexes(job)).tasks) await buildIndexes(job, task, 0);
    await restorePostData(job);
    await buildForeignKeys(job, standing);
    await refreshViews(job);
  }
});
