import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { laneName } from '../../../contract/names.js';
import type { RowDifference } from '../../../contract/verification.js';
import { startPair } from '../pair.js';
import type { Pair } from '../pair.js';
import { startVerifying } from './verifying.js';

/** Values that come out otherwise by version or setting, or that are easily taken for one another. */
const EVERY_TYPE_SQL = `
  CREATE EXTENSION hstore; CREATE EXTENSION citext;
  CREATE TYPE mood AS ENUM ('sad', 'ok');
  CREATE TYPE pair AS (x int, y text);
  CREATE TYPE span AS RANGE (subtype = numeric);
  CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%');
  CREATE TABLE own_types (
    id serial PRIMARY KEY, mood mood, moods mood[], pair pair, span span, email email, tags hstore, name citext, what regclass, who regrole
  );
  INSERT INTO own_types (mood, moods, pair, span, email, tags, name, what, who)
    SELECT 'ok', '{sad,NULL}', (n, 'a,"b')::pair, span(n, NULL), n || '@x', 'a=>NULL', 'Name ' || n, 'own_types', 'postgres'
    FROM generate_series(1, 50) n;
  CREATE TABLE built_in (
    k uuid PRIMARY KEY, b bool, f4 real, f8 double precision, n numeric,
    m money, t text, c char(5), "char" "char", nm name, by bytea, d date, ts timestamp, tz timestamptz, ttz timetz,
    iv interval, j json, jb jsonb, x xml, ip inet, bits bit(3), p point, r int4range, ia int[], ta text[], tsv tsvector, l pg_lsn
  );
  INSERT INTO built_in
    SELECT md5(n::text)::uuid, n % 2 = 0, 0.1::real * n, CASE n % 4 WHEN 0 THEN 'NaN' WHEN 1 THEN '-0' ELSE 1e-300 / n END,
      CASE n % 3 WHEN 0 THEN 'NaN' ELSE n / 7.0 END, n, CASE n % 3 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE repeat('ü', n) END,
      'ab', chr(64 + n % 30)::"char", 'f', decode(md5(n::text), 'hex'), '4000-01-01 BC', 'infinity', '2026-03-29 02:30+01', '12:00+03',
      '-1 mon 2 days', '{"a": [1, null]}', '{"b": "\\\\ \\""}', '<a>b</a>', '::1/64', B'101',
      '(1,0.1)', '[1,)', '{{1,NULL},{3,4}}', '{"a,b","NULL",NULL,"\\"q\\""}', 'a b', '16/B374D848'
    FROM generate_series(1, 100) n;
  CREATE TABLE no_columns (); INSERT INTO no_columns DEFAULT VALUES;
  CREATE TABLE "Odd, ""Name" ("se lect" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "a,b" int GENERATED ALWAYS AS (1 + 1) STORED);
  INSERT INTO "Odd, ""Name" DEFAULT VALUES;
  CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (more int) INHERITS (parent);
  INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1, 2);
  CREATE TABLE toasted (id int PRIMARY KEY, t text); ALTER TABLE toasted ALTER t SET STORAGE EXTERNAL;
  INSERT INTO toasted SELECT n, repeat(md5(n::text), 300) FROM generate_series(1, 20) n;
`;

/** One table of each kind of key, with 4,000 rows. */
const KEYS_SQL = `
  CREATE TABLE one_key (id bigint PRIMARY KEY, t text, f float8, at timestamptz);
  INSERT INTO one_key SELECT n, 'row ' || n, n / 3.0, timestamptz '2026-01-01' + n * interval '1 min' FROM generate_series(1, 4000) n;
  CREATE TABLE two_keys (a int, b text COLLATE "C", t text, PRIMARY KEY (a, b));
  INSERT INTO two_keys SELECT n % 7, 'k' || n, 'row ' || n FROM generate_series(1, 4000) n;
  CREATE TABLE text_key (code text PRIMARY KEY, t text);
  INSERT INTO text_key SELECT CASE n % 3 WHEN 0 THEN 'a-' WHEN 1 THEN 'A' ELSE 'ä ' END || n, 'row ' || n FROM generate_series(1, 4000) n;
  CREATE TABLE keyless (n int, t text);
  INSERT INTO keyless SELECT n % 100, 'row ' || n % 2000 FROM generate_series(1, 4000) n;
  CREATE TABLE event (id int, at date, what text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
  CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
  CREATE TABLE event_2 PARTITION OF event FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
  INSERT INTO event SELECT n, date '2025-06-01' + n % 400, repeat('e', 90) FROM generate_series(1, 4000) n;
  ANALYZE;
`;

const MANY_CHUNKS = { verify: { chunkSize: '32kB' } };

const DAMAGE_SQL = `
  UPDATE one_key SET t = '' WHERE id = 17;
  UPDATE one_key SET t = NULL WHERE id = 2500;
  DELETE FROM one_key WHERE id = 3999;
  INSERT INTO one_key VALUES (123456, 'more');
  UPDATE one_key SET f = f + 1e-9 WHERE id = 700;
  UPDATE one_key SET at = at + interval '1 microsecond' WHERE id = 800;
  UPDATE two_keys SET t = 'other' WHERE b = 'k2121';
  DELETE FROM text_key WHERE code = 'a-3000';
  INSERT INTO text_key VALUES ('zz''top', 'x');
  UPDATE event SET what = 'moved', at = '2025-01-05' WHERE id = 1234;
  DELETE FROM keyless WHERE ctid IN (SELECT ctid FROM keyless WHERE n = 7 LIMIT 1);
  UPDATE keyless SET t = 'other' WHERE ctid IN (SELECT ctid FROM keyless WHERE n = 70 LIMIT 1);
`;

const DAMAGE: RowDifference[] = [
  { table: 'public.event_1', key: "id = 1234 AND at = '2025-01-05'", kind: 'extra' },
  { table: 'public.event_1', key: "id = 1234 AND at = '2025-07-05'", kind: 'missing' },
  { table: 'public.one_key', key: 'id = 17', kind: 'different' },
  { table: 'public.one_key', key: 'id = 700', kind: 'different' },
  { table: 'public.one_key', key: 'id = 800', kind: 'different' },
  { table: 'public.one_key', key: 'id = 2500', kind: 'different' },
  { table: 'public.one_key', key: 'id = 3999', kind: 'missing' },
  { table: 'public.one_key', key: 'id = 123456', kind: 'extra' },
  { table: 'public.text_key', key: "code = 'a-3000'", kind: 'missing' },
  { table: 'public.text_key', key: "code = 'zz''top'", kind: 'extra' },
  { table: 'public.two_keys', key: "a = 0 AND b = 'k2121'", kind: 'different' },
];

describe('a comparison at a point', () => {
  let pair: Pair;
  before(async () => {
    pair = await startPair({ source: { major: 15 }, target: { major: 18 } });
  });
  after(() => pair.remove());

  it('finds nothing where all values are equal, whatever the servers print by default', async () => {
    const { verify, databases } = await startVerifying(pair, { sql: EVERY_TYPE_SQL });
    await databases.run(
      'target',
      `ALTER DATABASE ${databases.name} SET datestyle = 'German'; ALTER DATABASE ${databases.name} SET timezone = 'Asia/Tokyo';
       ALTER DATABASE ${databases.name} SET bytea_output = 'escape'; ALTER DATABASE ${databases.name} SET extra_float_digits = 0;
       ALTER DATABASE ${databases.name} SET intervalstyle = 'iso_8601'; ALTER DATABASE ${databases.name} SET search_path = 'public, pg_catalog'`,
    );
    const found = await verify();
    assert.deepEqual(found.differing, []);
    assert.deepEqual(found.schema, []);
    assert.deepEqual(found.notCompared, []);
    assert.equal(found.equal, true);
    assert.equal(found.tables, 7);
    assert.equal(found.rows, '174');
  });

  it('takes no order of columns, and no dropped one, for a difference', async () => {
    const { verify, databases } = await startVerifying(pair, { sql: 'CREATE SCHEMA s' });
    await databases.run(
      'source',
      'CREATE TABLE s.t (gone int, id int PRIMARY KEY, a text, b text); ALTER TABLE s.t DROP gone',
    );
    await databases.run('target', 'CREATE TABLE s.t (b text, a text, id int PRIMARY KEY)');
    for (const end of ['source', 'target'] as const)
      await databases.run(
        end,
        `INSERT INTO s.t (id, a, b) SELECT n, 'a', NULL FROM generate_series(1, 100) n`,
      );
    const found = await verify();
    assert.deepEqual(found.differing, []);
    assert.deepEqual(found.schema, []);
  });

  for (const [how, spec] of Object.entries({ 'in one chunk': {}, 'in many chunks': MANY_CHUNKS })) {
    it(`finds every difference down to its key, ${how}`, async () => {
      const { verify, databases } = await startVerifying(pair, { sql: KEYS_SQL, spec });
      assert.equal((await verify()).equal, true);
      await databases.run('target', DAMAGE_SQL);
      const found = await verify();
      assert.equal(found.equal, false);
      assert.deepEqual(found.differences, DAMAGE);
      assert.deepEqual(
        found.differing.map(({ table, sourceRows, targetRows }) => [table, sourceRows, targetRows]),
        [
          ['public.event_1', '2140', '2140'],
          ['public.keyless', '4000', '3999'],
          ['public.one_key', '4000', '4000'],
          ['public.text_key', '4000', '4000'],
          ['public.two_keys', '4000', '4000'],
        ],
      );
      assert.equal(found.rows, '20000');
      assert.equal(found.chunks > 6, how === 'in many chunks');
    });
  }

  it('finds keys whose order differs between the ends', async () => {
    const { verify, databases } = await startVerifying(pair, {
      sql: KEYS_SQL,
      spec: MANY_CHUNKS,
      create: { source: `LOCALE 'C' TEMPLATE template0 ENCODING 'UTF8'` },
    });
    assert.deepEqual((await verify({ tables: ['text_key'] })).differing, []);
    await databases.run('target', DAMAGE_SQL);
    const { differences } = await verify({ tables: ['text_key'] });
    assert.deepEqual(
      differences,
      DAMAGE.filter(({ table }) => table === 'public.text_key'),
    );
  });

  it('tells the first 100 of many differences, and counts the chunks of all', async () => {
    const { verify, databases } = await startVerifying(pair, { sql: KEYS_SQL, spec: MANY_CHUNKS });
    await databases.run('target', `UPDATE one_key SET t = t || '!'; TRUNCATE two_keys; DROP TABLE keyless`);
    const found = await verify();
    assert.equal(found.differences.length, 100);
    assert.equal(found.differingTables, 3);
    const [keyless, one, two] = found.differing;
    assert.deepEqual(keyless, { table: 'public.keyless', sourceRows: '4000', targetRows: '0', chunks: 1 });
    assert.ok((one?.chunks ?? 0) > 5);
    assert.equal(two?.targetRows, '0');
    assert.ok(
      found.schema.some(({ kind, object }) => kind === 'table-dropped' && object === 'public.keyless'),
    );
  });

  it('compares the columns and rows that the spec takes, and no others', async () => {
    const { verify, databases } = await startVerifying(pair, {
      sql: KEYS_SQL,
      spec: {
        select: {
          exclude: ['two_keys'],
          excludeData: ['text_key'],
          columns: { 'public.one_key': ['id', 't'] },
          rows: { 'public.one_key': 'id <= 2500', 'public.event': 'event.id <= 3600' },
        },
      },
    });
    await databases.run(
      'target',
      `UPDATE one_key SET f = 0; DELETE FROM one_key WHERE id > 2500; DELETE FROM event WHERE id > 3600;
       TRUNCATE two_keys; TRUNCATE text_key`,
    );
    const found = await verify();
    assert.deepEqual(found.differing, []);
    assert.equal(found.rows, '10100');
    await databases.run('target', `UPDATE one_key SET t = 'x' WHERE id = 5`);
    assert.deepEqual((await verify({ tables: ['public.one*'] })).differences, [
      { table: 'public.one_key', key: 'id = 5', kind: 'different' },
    ]);
  });

  it('compares databases of different encodings, and what is partitioned on one end alone', async () => {
    const { verify, databases } = await startVerifying(pair, {
      sql: `CREATE TABLE t (id int PRIMARY KEY, t text); INSERT INTO t SELECT n, 'gr' || chr(252) || chr(223) || 'e' FROM generate_series(1, 100) n`,
      create: { source: `ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0` },
    });
    await databases.run(
      'source',
      `CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p SELECT generate_series(1, 100)`,
    );
    await databases.run(
      'target',
      `CREATE TABLE p (id int PRIMARY KEY) PARTITION BY HASH (id); CREATE TABLE p_0 PARTITION OF p FOR VALUES WITH (MODULUS 1, REMAINDER 0);
       INSERT INTO p SELECT generate_series(1, 100)`,
    );
    const { differing, rows } = await verify();
    assert.deepEqual(differing, []);
    assert.equal(rows, '200');
    await databases.run('target', `UPDATE t SET t = 'grüsse' WHERE id = 7`);
    await databases.run('target', 'DELETE FROM p WHERE id = 8');
    assert.deepEqual((await verify()).differences, [
      { table: 'public.p', key: 'id = 8', kind: 'missing' },
      { table: 'public.t', key: 'id = 7', kind: 'different' },
    ]);
  });

  it('leaves out what the role may not read, and says so', async () => {
    await pair.newDatabases().then(async ({ run }) => {
      await run('source', `CREATE ROLE reader LOGIN PASSWORD 'reader'`);
      await run('target', `CREATE ROLE reader LOGIN PASSWORD 'reader'`);
    });
    const { verify, databases } = await startVerifying(pair, {
      sql: `${KEYS_SQL} GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader; CREATE TABLE secret (id int PRIMARY KEY);`,
      role: { user: 'reader', password: 'reader' },
    });
    const found = await verify();
    assert.equal(found.equal, true);
    assert.deepEqual(found.notCompared, [
      { table: 'public.secret', why: 'permission denied for table secret' },
    ]);
    await databases.run('target', DAMAGE_SQL);
    assert.deepEqual((await verify()).differences, DAMAGE);
    await databases.run('target', 'GRANT ALL ON one_key TO reader');
    const mended = await verify({ tables: ['one_key', 'two_keys'], repair: true });
    assert.equal(mended.repaired, '6');
    assert.deepEqual(
      mended.notCompared.map(({ table, why }) => [table, why.slice(0, 40)]),
      [
        ['public.one_key', 'it was mended with its triggers and fore'],
        ['public.two_keys', 'its rows could not be mended: permission'],
      ],
    );
  });

  it('mends the rows that are told, and compares again', async () => {
    const { verify, databases } = await startVerifying(pair, {
      sql: `${KEYS_SQL}
        CREATE TABLE line (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, one bigint REFERENCES one_key ON DELETE CASCADE, up text GENERATED ALWAYS AS ('x') STORED);
        INSERT INTO line (one) SELECT n FROM generate_series(3990, 4000) n;
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END';`,
      spec: MANY_CHUNKS,
    });
    await databases.run(
      'target',
      `${DAMAGE_SQL} DELETE FROM line WHERE id = 3; CREATE TRIGGER refuse BEFORE INSERT OR UPDATE OR DELETE ON one_key FOR EACH ROW EXECUTE FUNCTION refuse()`,
    );
    const found = await verify({ repair: true });
    assert.equal(found.repaired, String(DAMAGE.length + 2));
    assert.deepEqual(found.differences, []);
    assert.deepEqual(
      found.differing.map(({ table }) => table),
      ['public.keyless'],
    );
    const again = await verify();
    assert.deepEqual(
      again.differing.map(({ table }) => table),
      ['public.keyless'],
    );
  });

  it('tells sequences that stand elsewhere', async () => {
    const { verify, databases } = await startVerifying(pair, {
      sql: `CREATE SEQUENCE a; CREATE SEQUENCE b; CREATE SEQUENCE c; SELECT setval('c', 5)`,
    });
    await databases.run('source', `SELECT nextval('a'), setval('b', 1, true)`);
    await databases.run('target', `SELECT setval('c', 1, false)`);
    const before = await verify({ lanes: [laneName('compare', 1)] });
    assert.deepEqual(before.notCompared, [
      { table: 'sequences', why: 'they are not set on the target yet; a cutover, or finish, sets them' },
    ]);
    assert.equal(before.equal, true);
    await databases.run('target', `SELECT setval('c', 5)`);
    await databases.run('target', `SELECT setval('a', 7, false)`);
    const found = await verify();
    assert.equal(found.equal, false);
    assert.deepEqual(found.sequences, [
      { sequence: 'public.a', source: '1', target: '7 (not called)' },
      { sequence: 'public.b', source: '1', target: '1 (not called)' },
    ]);
  });
});
