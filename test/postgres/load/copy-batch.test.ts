import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { embeddedMajors } from '../../../dev/cluster.js';
import { startPair } from '../pair.js';
import type { Pair } from '../pair.js';
import { startLoading } from './loading.js';
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
