import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { PgtrekError } from '../../../contract/errors.js';
import type { Observer } from '../../../postgres/endpoint.js';
import { withTarget } from '../../../postgres/job.js';
import { buildIndexes } from '../../../postgres/load/build-indexes.js';
import { dropIndexes } from '../../../postgres/load/drop-indexes.js';
import { planIndexes, readIndexTasks } from '../../../postgres/load/plan-indexes.js';
import { startPair } from '../pair.js';
import type { Pair } from '../pair.js';
import { definitionsOf, ledgerOf, loadedMigration } from './loaded.js';
import type { Loaded } from './loaded.js';

const TABLES = `
  CREATE EXTENSION btree_gist;
  CREATE SCHEMA "My app";
  CREATE TABLE "My app"."Order line" (
    id int NOT NULL, "the key" int NOT NULL, part int NOT NULL, words text, tags int[], span int4range, at timestamptz);
  INSERT INTO "My app"."Order line"
    SELECT n, n, n, 'word ' || n, ARRAY[n, n + 1], int4range(n, n + 1), now() FROM generate_series(1, 1000) n;
  CREATE TABLE public.bare (a int);
  INSERT INTO bare SELECT generate_series(1, 500);
  CREATE TABLE public.identified (a int NOT NULL, b int NOT NULL);
  CREATE TABLE public.event (id int NOT NULL, at date NOT NULL) PARTITION BY RANGE (at);
  CREATE TABLE public.event_1 PARTITION OF event FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
  CREATE TABLE public.parent (a int);
  CREATE TABLE public.child () INHERITS (parent)`;

const KEYS = `
  SET search_path = "My app", public;
  ALTER TABLE "Order line" ADD CONSTRAINT "Order line_pkey" PRIMARY KEY (id) INCLUDE (words);
  ALTER TABLE "Order line" ADD CONSTRAINT "u ""q" UNIQUE ("the key", part) DEFERRABLE INITIALLY DEFERRED;
  ALTER TABLE "Order line" ADD CONSTRAINT "no overlap" EXCLUDE USING gist (part WITH =, span WITH &&) WHERE (part > 0) DEFERRABLE;
  CREATE INDEX part_of ON "Order line" (part DESC NULLS LAST) WHERE part > 10;
  CREATE UNIQUE INDEX expression ON "Order line" (lower(words), (part + 1)) WITH (fillfactor = 70);
  ALTER INDEX expression ALTER COLUMN 2 SET STATISTICS 400;
  CREATE INDEX in_c ON "Order line" (words COLLATE "C" text_pattern_ops);
  CREATE INDEX gin ON "Order line" USING gin (tags) WITH (fastupdate = off);
  CREATE INDEX gist ON "Order line" USING gist (to_tsvector('simple', words) tsvector_ops(siglen = 100));
  CREATE INDEX hash ON "Order line" USING hash (words);
  CREATE INDEX brin ON "Order line" USING brin (at) WITH (pages_per_range = 8);
  ALTER TABLE "Order line" CLUSTER ON in_c;
  ALTER INDEX part_of DEPENDS ON EXTENSION btree_gist;
  CREATE UNIQUE INDEX identity ON identified (b);
  ALTER TABLE identified REPLICA IDENTITY USING INDEX identity;
  ALTER TABLE event_1 ADD CONSTRAINT event_1_pkey PRIMARY KEY (id, at);
  CREATE INDEX event_1_at ON event_1 (at)`;

describe('the indexes and keys of tables', () => {
  let pair: Pair;
  before(async () => {
    pair = await startPair({ source: { major: 15 }, target: { major: 18 } });
  });
  after(() => pair.remove());

  const newlyLoaded = () => loadedMigration(pair, { tables: TABLES, keys: KEYS });

  /** The same migration with an observer. */
  const observed = ({ job }: Loaded, observer: Observer) => ({
    ...job,
    servers: { ...job.servers, observer },
  });

  /** As the load cuts a table that counts as big, each index by itself. */
  const oneByOne = async ({ job, idOf }: Loaded, table: string) => {
    const id = idOf(table);
    const rows = await withTarget(job, 'test', (target) =>
      target.query<{ id: number }>(
        'SELECT id FROM pgtrek.table_index WHERE owner = $1 AND relation = $2 ORDER BY id',
        [job.owner, id],
      ),
    );
    return rows.map((row) => ({ tables: [id], indexes: [row.id], label: 'one', bytes: '0' }));
  };

  it('are built as they are on the source, with statistics', async () => {
    const loaded = await newlyLoaded();
    const plan = await planIndexes(loaded.job);
    assert.equal(plan.tasks.length, 1);
    assert.equal(plan.indexes, 13);
    assert.equal(plan.foreignKeys, 0);
    const [task] = plan.tasks;
    assert.ok(task);
    assert.deepEqual(await buildIndexes(loaded.job, task, 2), { indexes: 13 });
    assert.deepEqual(await definitionsOf(loaded, 'target'), await definitionsOf(loaded, 'source'));
    const ledger = await ledgerOf(loaded);
    assert.deepEqual(
      ledger.filter(({ is_indexed }) => !is_indexed).map(({ qualified }) => qualified),
      ['public.event'],
    );
    assert.deepEqual(
      ledger.filter(({ is_analyzed }) => !is_analyzed).map(({ qualified }) => qualified),
      ['public.event', 'public.parent'],
      'what stands for other tables waits for all of them',
    );
    const [bare] = await loaded.databases.run(
      'target',
      `SELECT reltuples FROM pg_class WHERE oid = 'bare'::regclass`,
    );
    assert.equal(bare?.reltuples, 500);
    assert.deepEqual((await planIndexes(loaded.job)).tasks, [], 'nothing is left');
  });

  it('are each built once by tasks that end at the same moment, and one of them finishes the table', async () => {
    const loaded = await newlyLoaded();
    const seen: string[] = [];
    const job = observed(loaded, (moment, tag) => void (moment === 'after' && seen.push(tag)));
    const tasks = await oneByOne(loaded, '"My app"."Order line"');
    const built = await Promise.all(tasks.map((task) => buildIndexes(job, task, 0)));
    assert.equal(
      built.reduce((sum, { indexes }) => sum + indexes, 0),
      10,
    );
    for (const [tag, times] of Object.entries({
      'create-index': 9,
      'add-key': 3,
      'record-indexed': 1,
      vacuum: 1,
    }))
      assert.equal(seen.filter((each) => each === tag).length, times, tag);
    const [table] = await ledgerOf(loaded);
    assert.deepEqual(table, { qualified: '"My app"."Order line"', is_indexed: true, is_analyzed: true });
  });

  it('are built by two attempts at the same time', async () => {
    const loaded = await newlyLoaded();
    const { tasks } = await planIndexes(loaded.job);
    const [task] = tasks;
    assert.ok(task);
    await Promise.all([buildIndexes(loaded.job, task, 0), buildIndexes(loaded.job, task, 0)]);
    assert.deepEqual(await definitionsOf(loaded, 'target'), await definitionsOf(loaded, 'source'));
  });

  for (const fault of [
    'after create-index',
    'before lock-table-keys',
    'after add-key',
    'before record-indexed',
    'after record-indexed',
    'after vacuum',
  ]) {
    it(`are finished by a second attempt when the first ends ${fault}`, async () => {
      const loaded = await newlyLoaded();
      const [task] = (await planIndexes(loaded.job)).tasks;
      assert.ok(task);
      const job = observed(loaded, (moment, tag) => {
        if (`${moment} ${tag}` === fault) throw new Error('the worker is gone');
      });
      await assert.rejects(buildIndexes(job, task, 0), /the worker is gone/);
      const again = await planIndexes(loaded.job);
      for (const left of again.tasks) await buildIndexes(loaded.job, left, 0);
      await buildIndexes(loaded.job, task, 0);
      assert.deepEqual(await definitionsOf(loaded, 'target'), await definitionsOf(loaded, 'source'));
      const unfinished = (await ledgerOf(loaded)).filter(
        ({ qualified, is_indexed, is_analyzed }) =>
          !['public.event', 'public.parent'].includes(qualified) && !(is_indexed && is_analyzed),
      );
      assert.deepEqual(unfinished, []);
    });
  }

  it('that the rows break block, with the object, the cause and what to do', async () => {
    const loaded = await newlyLoaded();
    await loaded.databases.run(
      'target',
      `UPDATE "My app"."Order line" SET words = 'word 1', part = 1 WHERE id < 3`,
    );
    const [task] = (await planIndexes(loaded.job)).tasks;
    assert.ok(task);
    const error: unknown = await buildIndexes(loaded.job, task, 0).then(
      () => assert.fail('it does not fail'),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof PgtrekError);
    assert.equal(error.code, 'INDEX_FAILED');
    assert.equal(error.object, '"My app".expression');
    assert.equal(error.retryable, false);
    assert.match(
      error.message,
      /^Cannot build index "My app".expression: could not create unique index "expression" Key .* is duplicated/,
    );
    assert.match(error.remedy ?? '', /on the target, then retry/);
  });

  it('do not take another object of their name for themselves', async () => {
    const loaded = await newlyLoaded();
    await loaded.databases.run('target', 'CREATE TABLE "My app".brin ()');
    const [task] = (await planIndexes(loaded.job)).tasks;
    assert.ok(task);
    await assert.rejects(buildIndexes(loaded.job, task, 0), {
      code: 'INDEX_FAILED',
      object: '"My app".brin',
      message: 'Cannot build index "My app".brin: relation "brin" already exists',
    });
  });

  it('wait with their statistics until the last part of the rows is in', async () => {
    const loaded = await newlyLoaded();
    const id = loaded.idOf('public.identified');
    const task = { tables: [id], label: 'identified', bytes: '0' };
    const run = (sql: string) => loaded.databases.run('target', sql);
    const isAnalyzed = async () =>
      (await ledgerOf(loaded)).find(({ qualified }) => qualified === 'public.identified')?.is_analyzed;
    const { owner } = loaded.job;
    await run(`
      UPDATE pgtrek.relation SET lane = 'pgtrek_build_2' WHERE id = ${String(id)};
      INSERT INTO pgtrek.part SELECT '${owner}', ${String(id)}, n, 'true' FROM generate_series(1, 2) n;
      INSERT INTO pgtrek.copied (owner, lane, relation, part, rows, bytes)
        VALUES ('${owner}', 'pgtrek_build_2', ${String(id)}, 1, 0, 0)`);
    await buildIndexes(loaded.job, task, 0);
    assert.equal(await isAnalyzed(), false);
    await run(
      `UPDATE pgtrek.copied SET lane = 'pgtrek_build_2', part = 2 WHERE relation = ${String(id)} AND part = 0`,
    );
    await buildIndexes(loaded.job, task, 0);
    assert.equal(await isAnalyzed(), true);
  });

  it('come with statistics when a dump has brought the rows of all tables at once', async () => {
    const loaded = await newlyLoaded();
    const run = (sql: string) => loaded.databases.run('target', sql);
    const counts = async () => {
      const ledger = await ledgerOf(loaded);
      return [
        ledger.filter((each) => each.is_indexed).length,
        ledger.filter((each) => each.is_analyzed).length,
      ];
    };
    await run(`DELETE FROM pgtrek.copied;
      UPDATE pgtrek.relation SET lane = 'pgtrek_build_1';
      INSERT INTO pgtrek.lane VALUES ('${loaded.job.owner}', 'pgtrek_build_1', 'loading')`);
    const [task] = (await planIndexes(loaded.job)).tasks;
    assert.ok(task);
    await buildIndexes(loaded.job, task, 0);
    assert.deepEqual(await counts(), [6, 0]);
    await run(`UPDATE pgtrek.lane SET status = 'copied'`);
    await buildIndexes(loaded.job, task, 0);
    assert.deepEqual(await counts(), [6, 5]);
  });

  it('of a big table are a task each where they are big, longest first', async () => {
    const loaded = await newlyLoaded();
    const run = (sql: string) => loaded.databases.run('target', sql);
    const [big, bare] = [loaded.idOf('"My app"."Order line"'), loaded.idOf('public.bare')];
    await run(`
      UPDATE pgtrek.relation SET bytes = 40000000 WHERE id = ${String(big)};
      UPDATE pgtrek.table_index SET bytes = CASE WHEN qualified LIKE '%pkey"' THEN 1000000 ELSE 0 END;
      UPDATE pgtrek.table_index SET bytes = 17000000 WHERE qualified LIKE '%.in_c';
      UPDATE pgtrek.table_index SET bytes = 18000000 WHERE qualified LIKE '%.gin'`);
    const [ofBig, ofSmall, none] = await withTarget(loaded.job, 'test', (target) =>
      readIndexTasks(target, loaded.job.owner, [[big], [bare, loaded.idOf('public.identified')], []]),
    );
    assert.deepEqual(
      ofBig?.map(({ label, bytes, indexes }) => [label, bytes, indexes?.length]),
      [
        ['"My app"."Order line": gin', '130000000', 1],
        ['"My app"."Order line": in_c', '57000000', 1],
        ['"My app"."Order line": "Order line_pkey" and 7 more', '41000000', 8],
      ],
    );
    assert.deepEqual(ofSmall, [
      {
        tables: [bare, loaded.idOf('public.identified')],
        label: 'public.bare and 1 more',
        bytes: ofSmall?.[0]?.bytes,
      },
    ]);
    assert.deepEqual(none, []);
    const { tasks, indexes } = await planIndexes(loaded.job);
    assert.equal(indexes, 13);
    assert.equal(tasks.length, 4);
    assert.deepEqual(tasks.slice(0, 3), ofBig);
  });

  it('are dropped for a load that begins again, and built once more', async () => {
    const loaded = await newlyLoaded();
    for (const task of (await planIndexes(loaded.job)).tasks) await buildIndexes(loaded.job, task, 0);
    const tables = ['"My app"."Order line"', 'public.identified'].map(loaded.idOf);
    const drop = () =>
      withTarget(loaded.job, 'test', (target) => dropIndexes(target, loaded.job.owner, tables));
    await drop();
    await drop();
    const left = await definitionsOf(loaded, 'target');
    assert.equal(left.length, 3, left.join('\n'));
    const forgotten = (await ledgerOf(loaded)).filter(({ is_indexed }) => !is_indexed);
    assert.deepEqual(
      forgotten.map(({ qualified }) => qualified),
      ['"My app"."Order line"', 'public.event', 'public.identified'],
    );
    for (const task of (await planIndexes(loaded.job)).tasks) await buildIndexes(loaded.job, task, 0);
    assert.deepEqual(await definitionsOf(loaded, 'target'), await definitionsOf(loaded, 'source'));
  });
});
