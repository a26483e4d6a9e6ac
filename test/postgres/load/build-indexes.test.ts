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
});
