import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { Batch } from '../../../contract/activities.js';
import { laneName } from '../../../contract/names.js';
import type { CopyFigures } from '../../../contract/state.js';
import { embeddedMajors } from '../../../dev/cluster.js';
import type { Observer } from '../../../postgres/endpoint.js';
import { withTarget } from '../../../postgres/job.js';
import { publishLane } from '../../../postgres/lane/publication.js';
import { releaseTables } from '../../../postgres/ledger/lane-tables.js';
import { copyBatch } from '../../../postgres/load/copy-batch.js';
import { planLoad } from '../../../postgres/load/plan-load.js';
import { readTables } from '../../../postgres/load/read-tables.js';
import { startPair } from '../pair.js';
import type { Pair } from '../pair.js';
import { holdSnapshot, startLoading } from './loading.js';
import type { Loading } from './loading.js';

/** Every kind of column and table that a copy must bring over as it is. */
const EVERYTHING_SQL = `
  CREATE SCHEMA "Odd, ""Schema""";
  CREATE EXTENSION hstore; CREATE EXTENSION citext;
  CREATE TYPE mood AS ENUM ('sad', 'ok');
  CREATE TYPE pair AS (x int, y text);
  CREATE TYPE span AS RANGE (subtype = numeric);
  CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%');
  CREATE TABLE "Odd, ""Schema"""."Ta ble" (
    "se lect" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, gone int, "Ünï" text, "a,b" int GENERATED ALWAYS AS (1 + 1) STORED
  );
  ALTER TABLE "Odd, ""Schema"""."Ta ble" DROP gone;
  INSERT INTO "Odd, ""Schema"""."Ta ble" ("Ünï") SELECT E'tab\\t, \\\\N, line\\n' || n FROM generate_series(1, 3000) n;
  CREATE TABLE own_types (
    id serial PRIMARY KEY, mood mood, moods mood[], pair pair, pairs pair[], span span, email email, emails email[],
    tags hstore, name citext, what regclass, who regrole
  );
  INSERT INTO own_types (mood, moods, pair, pairs, span, email, emails, tags, name, what, who)
    SELECT 'ok', '{sad,NULL}', (n, 'a,"b')::pair, ARRAY[(n, NULL)::pair], span(n, NULL), n || '@x', ARRAY[(n || '@y')::email], 'a=>NULL',
      'Name ' || n, 'pg_class', 'postgres'
    FROM generate_series(1, 3000) n;
  CREATE TABLE built_in (
    k uuid DEFAULT md5(random()::text)::uuid PRIMARY KEY, b bool, i2 smallint, i8 bigint, f4 real, f8 double precision, n numeric,
    m money, t text, c char(5), v varchar(9), "char" "char", nm name, by bytea, d date, ts timestamp, tz timestamptz, ti time, ttz timetz,
    iv interval, j json, jb jsonb, x xml, ip inet, ci cidr, mac macaddr, bits bit(3), vb varbit, p point, bo box, r int4range,
    ia int[], ta text[], tsv tsvector, tsq tsquery, l pg_lsn
  );
  INSERT INTO built_in
    SELECT md5(n::text)::uuid, n % 2 = 0, n, n, 'NaN', '-Infinity', CASE n % 3 WHEN 0 THEN 'NaN' ELSE n / 7.0 END, n, repeat('x', n % 400),
      'ab', 'cd', 'e', 'f', decode(md5(n::text), 'hex'), '4000-01-01 BC', 'infinity', '2026-03-29 02:30+01', '24:00', '12:00+03',
      '-1 mon 2 days', '{"a": [1, null]}', '{"b": "\\\\ \\""}', '<a>b</a>', '::1/64', '10.0.0.0/8', '08:00:2b:01:02:03', B'101', B'1',
      '(1,2)', '((0,0),(1,1))', '[1,)', '{{1,NULL},{3,4}}', '{"a,b","NULL",NULL,"\\"q\\""}', 'a b', 'a & b', '16/B374D848'
    FROM generate_series(1, 3000) n;
  CREATE TABLE no_columns ();
  INSERT INTO no_columns DEFAULT VALUES; INSERT INTO no_columns DEFAULT VALUES;
  CREATE TABLE only_generated (a int GENERATED ALWAYS AS (7) STORED);
  INSERT INTO only_generated DEFAULT VALUES;
  CREATE TABLE empty (id int PRIMARY KEY);
  CREATE UNLOGGED TABLE unlogged (id int PRIMARY KEY, t text);
  INSERT INTO unlogged SELECT n, repeat('u', 100) FROM generate_series(1, 3000) n;
  CREATE TABLE parent (id int PRIMARY KEY, t text);
  CREATE TABLE child (more int, PRIMARY KEY (id)) INHERITS (parent);
  INSERT INTO parent SELECT n, repeat('p', 100) FROM generate_series(1, 3000) n;
  INSERT INTO child SELECT n, repeat('c', 100), n FROM generate_series(1, 3000) n;
  CREATE TABLE event (id int, at date, what text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
  CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
  CREATE TABLE event_2 (what text, at date NOT NULL, gone int, id int NOT NULL);
  ALTER TABLE event_2 DROP gone;
  ALTER TABLE event ATTACH PARTITION event_2 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
  INSERT INTO event SELECT n, date '2025-06-01' + n % 400, repeat('e', 90) FROM generate_series(1, 6000) n;
  CREATE TABLE toasted (id int PRIMARY KEY, t text);
  ALTER TABLE toasted ALTER t SET STORAGE EXTERNAL;
  INSERT INTO toasted SELECT n, repeat(md5(n::text), 300) FROM generate_series(1, 200) n;
`;

// Before 14 tables are split by key. Newer servers than pg_dump cannot be dumped.
for (const major of embeddedMajors().filter((installed) => [13, 15].includes(installed))) {
  describe(`a load from PostgreSQL ${String(major)}`, () => {
    let pair: Pair;
    const begun: Loading[] = [];
    before(async () => {
      pair = await startPair({ source: { major }, target: { major: 18 } });
    });
    after(async () => {
      for (const loading of begun) await loading.end();
      await pair.remove();
    });

    async function start(splitSize: string, sql: string): Promise<Loading> {
      const loading = await startLoading(pair, { sql, spec: { load: { splitSize } } });
      begun.push(loading);
      return loading;
    }

    for (const splitSize of ['1GB', '64kB']) {
      it(`brings every kind of table and column over, split above ${splitSize}`, async () => {
        const loading = await start(splitSize, EVERYTHING_SQL);
        const { rewritten, copied } = await loading.copyAll();
        assert.deepEqual(rewritten, []);
        assert.equal(
          copied.some(({ part }) => part !== undefined),
          splitSize === '64kB',
        );
        await loading.assertEqual();
        assert.deepEqual(await loading.plan(), []);
      });
    }
  });
}

const SPLIT = { load: { splitSize: '64kB' } } as const;
const ROWS = 6_000;
const rowsSql = (name: string) => `
  CREATE TABLE ${name} (id int PRIMARY KEY, n int, t text);
  INSERT INTO ${name} SELECT g, g, repeat('r', 60) FROM generate_series(1, ${String(ROWS)}) g;`;

describe('a copy', () => {
  let pair: Pair;
  let loading: Loading;
  before(async () => {
    pair = await startPair({ source: { major: 15 }, target: { major: 18 } });
  });
  afterEach(() => loading.end());
  after(() => pair.remove());

  const count = async (table = 'big') =>
    Number((await loading.databases.run('target', `SELECT count(*) FROM ${table}`))[0]?.count);
  const lostSnapshot = { code: 'SNAPSHOT_LOST' };

  async function startSplit(sql = rowsSql('big')): Promise<[Batch, Batch, ...Batch[]]> {
    loading = await startLoading(pair, { sql, spec: SPLIT });
    const [first, second, ...others] = await loading.plan();
    assert.ok(first?.part === 1 && second?.part === 2);
    return [first, second, ...others];
  }

  it('of a part that is in already brings no row twice', async () => {
    const [first] = await startSplit();
    const once = await loading.copy(first);
    const rows = await count();
    assert.deepEqual(await loading.copy(first), once);
    assert.equal(await count(), rows);
    await loading.copyAll();
    await loading.assertEqual();
  });

  it('of one part by two attempts at the same moment brings its rows once', async () => {
    const [first] = await startSplit();
    const both = meeting(2);
    const job = { servers: { ...loading.job.servers, observer: both.observer } };
    const [one, other] = await Promise.all([loading.copy(first, { job }), loading.copy(first, { job })]);
    assert.ok(both.met());
    assert.deepEqual(one, other);
    assert.equal(await count(), Number(one.copied[0]?.rows));
  });

  it('of one whole table by two attempts at the same moment brings its rows once', async () => {
    loading = await startLoading(pair, { sql: rowsSql('big') });
    const [batch] = await loading.plan();
    assert.ok(batch && batch.part === undefined);
    const [one, other] = await Promise.all([loading.copy(batch), loading.copy(batch)]);
    assert.deepEqual(one, other);
    await loading.assertEqual();
  });

  it('that breaks off leaves nothing, and the next one brings all', async () => {
    const [first] = await startSplit();
    const observer = (_when: string, tag: string) => {
      if (tag === 'record-copied') throw new Error('the worker died');
    };
    const job = { servers: { ...loading.job.servers, observer } };
    await assert.rejects(loading.copy(first, { job }), /Cannot copy public\.big: the worker died/);
    assert.equal(await count(), 0);
    await loading.copyAll();
    await loading.assertEqual();
  });

  it('that is cancelled while rows flow leaves nothing', async () => {
    const [first] = await startSplit();
    const ended = new AbortController();
    const cancelled = loading.copy(first, {
      bytesPerSecond: 1,
      job: { signal: ended.signal },
      onProgress: ({ bytes }) => Number(bytes) > 0 && ended.abort(),
    });
    await assert.rejects(cancelled);
    assert.equal(await count(), 0);
  });

  it('of a whole table by a plan of before it was split leaves its parts alone, and the other way round', async () => {
    const [first, second, ...others] = await startSplit();
    const whole = { tables: first.tables, label: 'public.big', bytes: first.bytes };
    const { copied } = await loading.copy(first);
    assert.deepEqual(await loading.copy(whole), { copied, rewritten: [] });
    for (const part of [second, ...others]) await loading.copy(part);
    await loading.assertEqual();

    await loading.end();
    const [again] = await startSplit();
    await loading.copy(whole);
    assert.equal((await loading.copy(again)).copied[0]?.rows, String(ROWS));
    await loading.assertEqual();
    assert.deepEqual(await loading.plan(), []);
  });

  it('reads from the first snapshot that lives', async () => {
    const [first] = await startSplit();
    const dead = await holdSnapshot(loading.job);
    await dead.release();
    await assert.rejects(
      loading.copy(first, { snapshots: [dead.snapshot, '00000000-00000000-1'] }),
      lostSnapshot,
    );
    assert.equal(await count(), 0);
    const snapshots = [dead.snapshot, ...loading.snapshots];
    assert.equal((await loading.copy(first, { snapshots })).copied.length, 1);
  });

  it('writes nothing for a lane that was given up, nor for a table that was taken out of it', async () => {
    const [first, second] = await startSplit(rowsSql('big') + rowsSql('other'));
    const { job, lane } = loading;
    await withTarget(job, 'test', (target) => releaseTables(target, job.owner, lane, first.tables));
    await assert.rejects(loading.copy(first), lostSnapshot);
    await loading.databases.run('target', `UPDATE pgtrek.lane SET status = 'dropped'`);
    await assert.rejects(loading.copy(second), lostSnapshot);
    assert.equal((await count()) + (await count('other')), 0);
  });

  it('by the next lane begins with an empty table', async () => {
    const [first] = await startSplit();
    const { job, lane } = loading;
    await loading.copy(first);
    await withTarget(job, 'test', (target) => releaseTables(target, job.owner, lane));
    const next = laneName(job.name, 2);
    await publishLane(job, next);
    const { groups } = await planLoad(job, next);
    assert.equal(await count(), 0);
    for (const batch of groups.flatMap(({ copies }) => copies))
      await copyBatch(job, next, { snapshots: loading.snapshots, batch }, () => undefined);
    await loading.assertEqual();
  });

  it('shows in the list of tables', async () => {
    const [first, ...others] = await startSplit();
    const { job, databases } = loading;
    const read = async () => {
      const [row] = await readTables(job, 0, 1);
      return [row?.status, row?.partsCopied, row?.parts, Number(row?.bytesCopied) > 0];
    };
    const parts = others.length + 1;
    assert.deepEqual(await read(), ['waiting', 0, parts, false]);
    await loading.copy(first);
    assert.deepEqual(await read(), ['copying', 1, parts, true]);
    for (const part of others) await loading.copy(part);
    assert.deepEqual(await read(), ['copied', parts, parts, true]);
    await databases.run('target', `UPDATE pgtrek.lane SET status = 'applying'`);
    assert.deepEqual(await read(), ['ready', parts, parts, true]);
  });

  it('tells the table, the part and its bytes as they pass', async () => {
    const [, second] = await startSplit();
    const seen: CopyFigures[] = [];
    const { copied } = await loading.copy(second, { onProgress: (figures) => seen.push(figures) });
    const facts = { kind: 'copy', table: 'public.big', part: 2, bytesPlanned: second.bytes };
    assert.deepEqual(seen[0], { ...facts, bytes: '0' });
    assert.deepEqual(seen.at(-1), { ...facts, bytes: copied[0]?.bytes });
  });

  it('keeps to its rate', async () => {
    const [first] = await startSplit();
    const { copied } = await loading.copy(first);
    const bytes = Number(copied[0]?.bytes);
    await loading.databases.run('target', 'DELETE FROM pgtrek.copied; TRUNCATE big');
    const begun = performance.now();
    await loading.copy(first, { bytesPerSecond: bytes });
    assert.ok(performance.now() - begun > 800, 'as many bytes as it may bring a second take about one');
  });

  for (const sql of [
    'VACUUM FULL big',
    'CLUSTER big USING big_pkey',
    'ALTER TABLE big ALTER n TYPE bigint',
    'TRUNCATE big',
    'DROP TABLE big',
    'ALTER TABLE big DROP COLUMN n',
    'ALTER TABLE big RENAME TO other',
    'ALTER TABLE big RENAME TO other; CREATE TABLE big (LIKE other)',
    'DROP TABLE big; CREATE VIEW big AS SELECT 1 AS id, 2 AS n, text AS t FROM unnest(ARRAY[$$x$$]) AS text',
  ]) {
    it(`after ${sql} of the source tells that the table is not whole, and goes on with the next`, async () => {
      const tables = rowsSql('big') + 'CREATE TABLE next_one AS SELECT 1 AS id';
      const [first, second] = await startSplit(tables);
      await loading.copy(first);
      const rows = await count();
      await loading.databases.run('source', sql);
      const { rewritten, copied } = await loading.copy(second);
      assert.deepEqual([rewritten.map(({ table }) => table), copied], [['public.big'], []]);
      assert.match(rewritten[0]?.why ?? '', /big|"n"/);
      assert.equal(await count(), rows);

      const ids = await loading.databases.run('target', 'SELECT id FROM pgtrek.relation ORDER BY qualified');
      await loading.databases.run('target', 'DELETE FROM pgtrek.copied; TRUNCATE big');
      const whole = { tables: ids.map(({ id }) => Number(id)), label: 'both', bytes: '1' };
      const both = await loading.copy(whole);
      assert.deepEqual(
        [both.rewritten.length, both.copied.map(({ table }) => table)],
        [1, ['public.next_one']],
      );
      assert.equal(await count(), 0);
    });
  }

  it('blocks on what the target refuses, and is no fault of the table', async () => {
    const [first] = await startSplit();
    await loading.databases.run('target', 'ALTER TABLE big DROP COLUMN n');
    await assert.rejects(loading.copy(first), {
      code: 'COPY_FAILED',
      object: 'public.big',
      retryable: false,
    });
  });
});

/** Holds attempts up where their rows begin to flow, until so many are there. */
function meeting(attempts: number): { observer: Observer; met: () => boolean } {
  let here = 0;
  let open: () => void;
  const all = new Promise<void>((resolve) => (open = resolve));
  return {
    observer: (_when, tag) => {
      if (tag !== 'copy-data') return;
      if ((here += 1) === attempts) open();
      return all;
    },
    met: () => here === attempts,
  };
}
