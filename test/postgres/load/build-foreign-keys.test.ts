import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { PgtrekError } from '../../../contract/errors.js';
import { embeddedMajors } from '../../../dev/cluster.js';
import { withTarget } from '../../../postgres/job.js';
import { buildForeignKeys } from '../../../postgres/load/build-foreign-keys.js';
import { buildIndexes } from '../../../postgres/load/build-indexes.js';
import { dropIndexes } from '../../../postgres/load/drop-indexes.js';
import { planIndexes } from '../../../postgres/load/plan-indexes.js';
import { startPair } from '../pair.js';
import type { Pair } from '../pair.js';
import { definitionsOf, loadedMigration } from './loaded.js';
import type { Loaded, LoadedOptions } from './loaded.js';

const [oldest = 0, newest = 0] = [embeddedMajors().at(0), embeddedMajors().at(-1)];

const TABLES = `
  CREATE EXTENSION citext;
  CREATE SCHEMA "My app";
  CREATE TABLE public.parent (id int NOT NULL, name citext, x int, y text);
  CREATE TABLE public.child (id int NOT NULL, parent bigint, name citext);
  CREATE TABLE "My app"."Pair, of" ("the x" int, "RE""F" text);
  CREATE TABLE public.event (id int NOT NULL, parent int) PARTITION BY RANGE (id);
  CREATE TABLE public.event_1 PARTITION OF event FOR VALUES FROM (0) TO (1000);
  INSERT INTO parent SELECT n, 'name ' || n, n, n::text FROM generate_series(1, 50) n;
  INSERT INTO child SELECT n, n, 'NAME ' || n FROM generate_series(1, 50) n;
  INSERT INTO event SELECT n, n FROM generate_series(1, 50) n;
  INSERT INTO "My app"."Pair, of" VALUES (1, '1'), (2, '2'), (NULL, 'any'), (NULL, NULL)`;

const KEYS = `
  ALTER TABLE parent ADD PRIMARY KEY (id);
  ALTER TABLE parent ADD UNIQUE (name);
  ALTER TABLE parent ADD UNIQUE (x, y);
  ALTER TABLE child ADD CONSTRAINT of_parent FOREIGN KEY (parent) REFERENCES parent ON DELETE CASCADE DEFERRABLE;
  COMMENT ON CONSTRAINT of_parent ON child IS 'it''s told';
  ALTER TABLE child ADD CONSTRAINT of_name FOREIGN KEY (name) REFERENCES parent (name) ON UPDATE SET NULL;
  ALTER TABLE child ADD CONSTRAINT not_valid FOREIGN KEY (id) REFERENCES parent NOT VALID;
  ALTER TABLE "My app"."Pair, of" ADD CONSTRAINT "to (x, y)" FOREIGN KEY ("the x", "RE""F") REFERENCES parent (x, y);
  ALTER TABLE event ADD CONSTRAINT event_of FOREIGN KEY (parent) REFERENCES parent`;

/** What a check that was switched off lets in, on both ends; the target's copy of it comes before its keys. */
const BROKEN = `
  SET session_replication_role = replica;
  INSERT INTO child VALUES (51, 51, 'name 51'), (52, 52, NULL);
  INSERT INTO event VALUES (51, 51);
  INSERT INTO "My app"."Pair, of" VALUES (7, 'seven'), (8, repeat('8', 100)), (9, NULL);
  RESET session_replication_role`;

for (const major of new Set([oldest, newest])) {
  describe(`foreign keys on a target of ${String(major)}`, () => {
    let pair: Pair;
    before(async () => {
      pair = await startPair({ source: { major: oldest }, target: { major } });
    });
    after(() => pair.remove());

    /** With indexes, so that foreign keys can be made. */
    async function indexed(options: Partial<LoadedOptions> = {}): Promise<Loaded> {
      const loaded = await loadedMigration(pair, { tables: TABLES, keys: KEYS, ...options });
      for (const task of (await planIndexes(loaded.job)).tasks) await buildIndexes(loaded.job, task, 0);
      return loaded;
    }

    it('are made and validated as they are on the source, with what is said of them', async () => {
      const loaded = await indexed();
      assert.equal((await planIndexes(loaded.job)).foreignKeys, 5);
      const result = await buildForeignKeys(loaded.job, false);
      assert.deepEqual(result, { constraints: 5, deferred: 0, violations: [] });
      assert.deepEqual(await definitionsOf(loaded, 'target'), await definitionsOf(loaded, 'source'));
      assert.deepEqual(await buildForeignKeys(loaded.job, false), result, 'a retry says the same');
    });

    it('that the data breaks are told with rows and statement, again and again until they are mended', async () => {
      const loaded = await indexed();
      for (const end of ['source', 'target'] as const) await loaded.databases.run(end, BROKEN);
      const { constraints, violations } = await buildForeignKeys(loaded.job, false);
      const eventIsThere = major >= 18;
      assert.equal(constraints, eventIsThere ? 5 : 4);
      assert.deepEqual([...violations].sort(), [
        `Foreign key "to (x, y)" of "My app"."Pair, of": 2 rows have no partner in public.parent, ("the x", "RE""F") = (7, seven), (8, ${'8'.repeat(60)}). It stays NOT VALID. Once they are mended: ALTER TABLE "My app"."Pair, of" VALIDATE CONSTRAINT "to (x, y)";`,
        eventIsThere
          ? 'Foreign key event_of of public.event: 1 row has no partner in public.parent, (parent) = (51). It stays NOT VALID. Once they are mended: ALTER TABLE public.event VALIDATE CONSTRAINT event_of;'
          : 'Foreign key event_of of public.event: 1 row has no partner in public.parent, (parent) = (51). It was not made, as a partitioned table takes no NOT VALID key before PostgreSQL 18. Once they are mended: ALTER TABLE public.event ADD CONSTRAINT event_of FOREIGN KEY (parent) REFERENCES public.parent(id);',
        'Foreign key of_name of public.child: 1 row has no partner in public.parent, (name) = (name 51). It stays NOT VALID. Once they are mended: ALTER TABLE public.child VALIDATE CONSTRAINT of_name;',
        'Foreign key of_parent of public.child: 2 rows have no partner in public.parent, (parent) = (51), (52). It stays NOT VALID. Once they are mended: ALTER TABLE public.child VALIDATE CONSTRAINT of_parent;',
      ]);
      assert.deepEqual((await buildForeignKeys(loaded.job, false)).violations, violations);

      await loaded.databases.run(
        'target',
        'DELETE FROM child WHERE id > 50; DELETE FROM event WHERE id > 50',
      );
      const mended = await buildForeignKeys(loaded.job, false);
      assert.equal(mended.constraints, 5);
      assert.deepEqual(
        mended.violations.map((text) => text.slice(0, 25)),
        ['Foreign key "to (x, y)" o'],
      );
    });

    it('that hold MATCH FULL are broken by a key that is null in part', async () => {
      const keys = KEYS.replace(
        'REFERENCES parent (x, y)',
        'REFERENCES parent (x, y) MATCH FULL NOT VALID',
      ).replace(/ALTER TABLE (child|event) ADD CONSTRAINT.*|COMMENT .*/g, '');
      const loaded = await indexed({ keys });
      await withTarget(loaded.job, 'test', (target) =>
        target.query(
          `UPDATE pgtrek.foreign_key SET is_validated = true, definition = replace(definition, ' NOT VALID', '')`,
        ),
      );
      const { violations } = await buildForeignKeys(loaded.job, false);
      assert.equal(violations.length, 1);
      assert.match(violations[0] ?? '', /: 1 row has no partner in public.parent, .* = \(null, any\)\. /);
    });

    it('block where that is asked for, with the same words', async () => {
      const loaded = await indexed({ spec: { load: { foreignKeyViolations: 'block' } } });
      await loaded.databases.run('target', 'DELETE FROM parent WHERE id > 48');
      const error: unknown = await buildForeignKeys(loaded.job, false).then(
        () => assert.fail('it does not fail'),
        (thrown: unknown) => thrown,
      );
      assert.ok(error instanceof PgtrekError);
      assert.equal(error.code, 'CONSTRAINT_VIOLATED');
      assert.equal(error.retryable, false);
      assert.match(
        error.message,
        /^Foreign key of_parent of public\.child: 2 rows .* \(parent\) = \(49\), \(50\)\..*$/m,
      );
      assert.match(error.message, /^Foreign key event_of of public\.event: 2 rows .*$/m);
      assert.match(error.remedy ?? '', /^Mend these rows on the source and on the target, then retry/);
    });

    it('count no more than a thousand rows', async () => {
      const loaded = await indexed();
      await loaded.databases.run(
        'target',
        'INSERT INTO child SELECT n, n, NULL FROM generate_series(51, 1200) n',
      );
      const { violations } = await buildForeignKeys(loaded.job, false);
      assert.match(
        violations[0] ?? '',
        /more than 1,000 rows have no partner in public\.parent, \(parent\) = /,
      );
    });

    it('between the tables of two lanes wait until all lanes stand', async () => {
      const loaded = await indexed();
      const setLanes = (lane: string, tables: string[]) =>
        withTarget(loaded.job, 'test', (target) =>
          target.query('UPDATE pgtrek.relation SET lane = $1 WHERE owner = $2 AND qualified = ANY ($3)', [
            lane,
            loaded.job.owner,
            tables,
          ]),
        );
      await setLanes('pgtrek_build_1', ['public.parent', '"My app"."Pair, of"', 'public.event_1']);
      await setLanes('pgtrek_build_2', ['public.event', 'public.child']);
      const run = (sql: string) => loaded.databases.run('target', sql);
      await run('INSERT INTO event VALUES (60, 60); INSERT INTO child VALUES (1, 60, NULL)');
      const ahead = { constraints: 1, deferred: 4, violations: [] };
      assert.deepEqual(await buildForeignKeys(loaded.job, false), ahead);
      await run(
        'ALTER TABLE child ADD CONSTRAINT of_parent FOREIGN KEY (parent) REFERENCES parent NOT VALID',
      );
      assert.deepEqual(
        await buildForeignKeys(loaded.job, false),
        ahead,
        'one that was begun is not validated',
      );

      await run('INSERT INTO parent VALUES (60)');
      const all = { constraints: 5, deferred: 0, violations: [] };
      assert.deepEqual(await buildForeignKeys(loaded.job, true), all);
      assert.deepEqual(await buildForeignKeys(loaded.job, false), all, 'what is there is not deferred');
    });

    it('are not deferred by a load that no changes follow', async () => {
      const loaded = await indexed({ spec: { mode: 'full-load' } });
      await withTarget(loaded.job, 'test', (target) =>
        target.query(`UPDATE pgtrek.relation SET lane = 'pgtrek_build_' || id`),
      );
      assert.deepEqual(await buildForeignKeys(loaded.job, false), {
        constraints: 5,
        deferred: 0,
        violations: [],
      });
    });

    it('go with the tables that are loaded again, on either side, and come back', async () => {
      const loaded = await indexed();
      await buildForeignKeys(loaded.job, false);
      const drop = (table: string) =>
        withTarget(loaded.job, 'test', (target) =>
          dropIndexes(target, loaded.job.owner, [loaded.idOf(table)]),
        );
      const keys = async () =>
        (await definitionsOf(loaded, 'target')).filter((line) => line.includes('FOREIGN KEY')).length;
      const all = await keys();
      await drop('public.event_1');
      assert.equal(await keys(), all - 2, 'that of the partitioned table, and the partition’s with it');
      await drop('public.parent');
      assert.equal(await keys(), 0);
      for (const task of (await planIndexes(loaded.job)).tasks) await buildIndexes(loaded.job, task, 0);
      await buildForeignKeys(loaded.job, false);
      assert.deepEqual(await definitionsOf(loaded, 'target'), await definitionsOf(loaded, 'source'));
    });

    it('are made by two attempts at the same time', async () => {
      const loaded = await indexed();
      const both = await Promise.all([
        buildForeignKeys(loaded.job, false),
        buildForeignKeys(loaded.job, false),
      ]);
      for (const result of both) assert.deepEqual(result, { constraints: 5, deferred: 0, violations: [] });
      assert.deepEqual(await definitionsOf(loaded, 'target'), await definitionsOf(loaded, 'source'));
    });
  });
}
