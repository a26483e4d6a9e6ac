import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { embeddedMajors } from '../../../dev/cluster.js';
import { buildForeignKeys } from '../../../postgres/load/build-foreign-keys.js';
import { buildIndexes } from '../../../postgres/load/build-indexes.js';
import { withTarget } from '../../../postgres/job.js';
import { dropIndexes } from '../../../postgres/load/drop-indexes.js';
import { analyzeTables, refreshViews } from '../../../postgres/load/finish-target.js';
import { planIndexes } from '../../../postgres/load/plan-indexes.js';
import { dumpSchema } from '../../../postgres/schema/dump-schema.js';
import { restorePostData, restorePreData } from '../../../postgres/schema/restore-section.js';
import { startPair } from '../pair.js';
import type { Pair } from '../pair.js';
import { definitionsOf, jobOf, ledgerOf } from './loaded.js';
import type { Loaded } from './loaded.js';

const [oldest = 0, newest = 0] = [embeddedMajors().at(0), embeddedMajors().at(-1)];

const SCHEMA = `
  CREATE SCHEMA "a z";
  CREATE SCHEMA other;
  CREATE TABLE other.customer (id int PRIMARY KEY, name text, note text);
  COMMENT ON CONSTRAINT customer_pkey ON other.customer IS 'the key';
  CREATE INDEX by_name ON other.customer (name);
  COMMENT ON INDEX other.by_name IS 'quick';
  CREATE STATISTICS other.together ON name, note FROM other.customer;
  CREATE TABLE other.sale (id int, at date, customer int NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
  CREATE TABLE other.sale_2025 PARTITION OF other.sale FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
  CREATE TABLE other.sale_2026 PARTITION OF other.sale FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')
    PARTITION BY RANGE (at);
  CREATE TABLE other.sale_2026_1 PARTITION OF other.sale_2026 FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');
  CREATE INDEX sale_of ON other.sale (customer);
  COMMENT ON INDEX other.sale_of IS 'of the whole';
  ALTER TABLE other.sale ADD CONSTRAINT "of ""customer" FOREIGN KEY (customer) REFERENCES other.customer;
  COMMENT ON CONSTRAINT "of ""customer" ON other.sale IS 'it''s a key';
  CREATE TABLE other.base (a int);
  CREATE TABLE other.derived () INHERITS (other.base);
  CREATE VIEW other.spent AS SELECT c.id, c.name, count(*) AS sales
    FROM other.customer c JOIN other.sale s ON s.customer = c.id GROUP BY c.id;
  CREATE MATERIALIZED VIEW public.z AS SELECT * FROM other.spent;
  CREATE INDEX z_sales ON z (sales);
  CREATE VIEW public.middle AS SELECT * FROM z WHERE sales > 0;
  CREATE MATERIALIZED VIEW "a z"."top" AS SELECT count(*) AS n FROM public.middle;
  CREATE FUNCTION public.top() RETURNS bigint LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT n FROM "a z"."top"); END';
  CREATE MATERIALIZED VIEW "a z".early AS SELECT public.top() AS n;
  CREATE MATERIALIZED VIEW "a z".empty AS SELECT 1 AS n WITH NO DATA`;

const ROWS = `
  INSERT INTO other.customer SELECT n, 'name ' || n, 'note ' || n FROM generate_series(1, 100) n;
  INSERT INTO other.sale SELECT n, date '2025-12-01' + n, n FROM generate_series(1, 100) n;
  INSERT INTO other.derived SELECT generate_series(1, 100)`;

for (const major of new Set([oldest, newest])) {
  describe(`a loaded target of ${String(major)}`, () => {
    let pair: Pair;
    let loaded: Loaded;
    let folder: string;

    before(async () => {
      folder = await mkdtemp(path.join(tmpdir(), 'pgtrek-test-'));
      pair = await startPair({ source: { major: oldest }, target: { major } });
      const databases = await pair.newDatabases();
      await databases.run('source', SCHEMA);
      await databases.run('source', ROWS);
      await databases.run(
        'source',
        `REFRESH MATERIALIZED VIEW z; REFRESH MATERIALIZED VIEW "a z"."top"; REFRESH MATERIALIZED VIEW "a z".early`,
      );
      const job = { ...jobOf(databases), dataDir: folder };
      loaded = { job, databases, idOf: () => 0 };
      await dumpSchema(job);
      await restorePreData(job);
      await databases.run('target', ROWS);
      await databases.run(
        'target',
        `UPDATE pgtrek.relation SET lane = 'pgtrek_build_1' WHERE kind IN ('r', 'p')`,
      );
      await databases.run(
        'target',
        `INSERT INTO pgtrek.copied (owner, lane, relation, part, rows, bytes)
         SELECT owner, 'pgtrek_build_1', id, 0, 0, 0 FROM pgtrek.relation WHERE kind = 'r'`,
      );
      for (const task of (await planIndexes(job)).tasks) await buildIndexes(job, task, 0);
      await restorePostData(job);
      await buildForeignKeys(job, false);
      await refreshViews(job);
      await analyzeTables(job);
    });
    after(async () => {
      await pair.remove();
      await rm(folder, { recursive: true, force: true });
    });

    it('has the indexes and keys of the source, attached to those of partitioned tables, with their comments', async () => {
      assert.deepEqual(await definitionsOf(loaded, 'target'), await definitionsOf(loaded, 'source'));
      const attached = `SELECT inhrelid::regclass::text AS part, inhparent::regclass::text AS of FROM pg_inherits ORDER BY 1`;
      assert.deepEqual(
        await loaded.databases.run('target', attached),
        await loaded.databases.run('source', attached),
      );
    });

    it('has its views filled in the order in which they read each other, but for those that were empty', async () => {
      const views = `SELECT oid::regclass::text AS view, relispopulated FROM pg_class WHERE relkind = 'm' ORDER BY 1`;
      assert.deepEqual(
        await loaded.databases.run('target', views),
        await loaded.databases.run('source', views),
      );
      assert.deepEqual(await loaded.databases.run('target', 'SELECT n::int FROM "a z".early'), [{ n: 100 }]);
    });

    it('has statistics of every table, view and partitioned table, and over columns together', async () => {
      const ledger = await ledgerOf(loaded);
      assert.deepEqual(
        ledger.filter(({ is_analyzed }) => !is_analyzed).map(({ qualified }) => qualified),
        ['other.spent', 'public.middle'],
        'ordinary views have none',
      );
      const gathered = await loaded.databases.run(
        'target',
        `SELECT DISTINCT concat(schemaname, '.', tablename, CASE WHEN inherited THEN '*' END) AS name FROM pg_stats
         WHERE schemaname IN ('other', 'public', 'a z') ORDER BY 1`,
      );
      assert.deepEqual(
        gathered.map(({ name }) => name),
        [
          'a z.early',
          'a z.top',
          'other.base*',
          'other.customer',
          'other.derived',
          'other.sale*',
          'other.sale_2025',
          'other.sale_2026*',
          'other.sale_2026_1',
          'public.z',
        ],
      );
      const [together] = await loaded.databases.run('target', 'SELECT count(*)::int AS n FROM pg_stats_ext');
      assert.equal(together?.n, 1);
    });

    it('is left alone by a retry', async () => {
      const seen = new Set<string>();
      const observer = (_: string, tag: string) => void seen.add(tag);
      const job = { ...loaded.job, servers: { ...loaded.job.servers, observer } };
      assert.deepEqual((await planIndexes(job)).tasks, []);
      await restorePostData(job);
      await buildForeignKeys(job, false);
      await refreshViews(job);
      await analyzeTables(job);
      for (const tag of ['add-foreign-key', 'validate-foreign-key', 'refresh-view', 'analyze'])
        assert.ok(!seen.has(tag), tag);
    });

    it('gets back what was dropped for a second load, where nothing needed it', async () => {
      const { job } = loaded;
      const ids = await withTarget(job, 'test', async (target) => {
        const rows = await target.query<{ id: number }>(
          `SELECT id FROM pgtrek.relation WHERE qualified IN ('other.customer', 'other.sale_2025')`,
        );
        await dropIndexes(
          target,
          job.owner,
          rows.map(({ id }) => id),
        );
        return rows.map(({ id }) => id);
      });
      const left = (await definitionsOf(loaded, 'target')).join('\n');
      assert.doesNotMatch(left, /by_name|FOREIGN KEY/);
      assert.match(left, /INDEX customer_pkey /, 'a view groups by it');
      assert.match(left, /INDEX sale_2025_pkey /, 'it is attached');
      const { tasks, indexes } = await planIndexes(job);
      assert.deepEqual([tasks.flatMap(({ tables }) => tables).sort(), indexes], [ids.sort(), 1]);
      for (const task of tasks) await buildIndexes(job, task, 0);
      await restorePostData(job);
      assert.equal((await buildForeignKeys(job, false)).constraints, 1);
      await analyzeTables(job);
      assert.deepEqual(await definitionsOf(loaded, 'target'), await definitionsOf(loaded, 'source'));
    });
  });
}
