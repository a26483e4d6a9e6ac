import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { assertFinding, findingsOf, startPair } from '../pair.js';
import type { Databases, Pair } from '../pair.js';

const ID = 'source.replica_identity';

describe('replica identities', () => {
  let pair: Pair;
  let databases: Databases;
  before(async () => {
    pair = await startPair({ source: { major: 15 }, target: { major: 18 } });
  });
  after(() => pair.remove());

  async function withTables(sql: string) {
    databases = await pair.newDatabases();
    await databases.run('source', sql);
    return databases.validate();
  }

  it('accepts primary keys, chosen indexes, FULL, and partitions that have theirs', async () => {
    const findings = await withTables(`
      CREATE TABLE a (id int PRIMARY KEY);
      CREATE TABLE b (id int NOT NULL UNIQUE);
      ALTER TABLE b REPLICA IDENTITY USING INDEX b_id_key;
      CREATE TABLE c (x json);
      ALTER TABLE c ADD id int PRIMARY KEY;
      ALTER TABLE c REPLICA IDENTITY FULL;
      CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id);
      CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
    `);
    assertFinding(findings, { id: ID, verdict: 'ok', why: /All 5 tables/ });
    assert.deepEqual(findingsOf(findings, 'source.replica_identity_types'), []);
  });

  it('names the table, the cause and the index that would do', async () => {
    const findings = await withTables(`
      CREATE TABLE bare (id int);
      CREATE TABLE "With Index" (id int, code text NOT NULL, UNIQUE (id), CONSTRAINT code_once UNIQUE (code));
      CREATE TABLE later (id int PRIMARY KEY DEFERRABLE);
      CREATE TABLE silent (id int PRIMARY KEY);
      ALTER TABLE silent REPLICA IDENTITY NOTHING;
    `);
    const scope = (name: string) => ({
      id: ID,
      verdict: 'block' as const,
      scope: `source.table public.${name}`,
    });
    assertFinding(findings, {
      ...scope('bare'),
      why: /no primary key/,
      remedy: /^ALTER TABLE public\.bare REPLICA IDENTITY FULL;.*ADD PRIMARY KEY.*select\.exclude/,
    });
    assertFinding(findings, {
      ...scope('"With Index"'),
      remedy: /^ALTER TABLE public\."With Index" REPLICA IDENTITY USING INDEX code_once;$/,
    });
    assertFinding(findings, { ...scope('later'), why: /DEFERRABLE/, remedy: /FULL/ });
    assertFinding(findings, { ...scope('silent'), why: /NOTHING/, remedy: /USING INDEX silent_pkey/ });
  });

  it('gives statements that mend it', async () => {
    const findings = await withTables(`
      CREATE TABLE bare (id int);
      CREATE TABLE coded (code text NOT NULL UNIQUE);
      CREATE TABLE p (id int) PARTITION BY RANGE (id);
      CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
    `);
    const broken = findingsOf(findings, ID);
    assert.deepEqual(
      broken.map(({ scope }) => scope),
      ['bare', 'coded', 'p', 'p1'].map((name) => `source.table public.${name}`),
    );
    for (const { remedy } of broken) await databases.run('source', remedy ?? '');
    assertFinding(await databases.validate(), { id: ID, verdict: 'ok' });
  });

  it('finds a leaf whose own identity was taken away', async () => {
    const findings = await withTables(`
      CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id);
      CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
      ALTER TABLE p1 REPLICA IDENTITY NOTHING;
    `);
    assertFinding(findings, {
      id: ID,
      verdict: 'block',
      scope: 'source.table public.p1',
      remedy: /USING INDEX p1_pkey/,
    });
  });

  it('does not count an identity with a generated column', async () => {
    const findings = await withTables(
      `CREATE TABLE g (a int, b int GENERATED ALWAYS AS (a * 2) STORED PRIMARY KEY)`,
    );
    assertFinding(findings, { id: ID, verdict: 'block', why: /generated/, remedy: /FULL/ });
  });

  it('tells 20 tables one by one and the others by number', async () => {
    const tables = Array.from(
      { length: 33 },
      (_, i) => `CREATE TABLE t${String(i).padStart(2, '0')} (id int);`,
    );
    const found = findingsOf(await withTables(tables.join('')), ID);
    assert.equal(found.length, 21);
    assert.equal(found.at(-1)?.more, 13);
    assert.match(found.at(-1)?.why ?? '', /13 more are found so: public\.t20, /);
  });

  it('leaves out what is not selected, and a full load altogether', async () => {
    await withTables(`CREATE TABLE bare (id int); CREATE TABLE a (id int PRIMARY KEY)`);
    assertFinding(await databases.validate({ spec: { select: { exclude: ['bare'] } } }), {
      id: ID,
      verdict: 'ok',
    });
    assert.deepEqual(findingsOf(await databases.validate({ spec: { mode: 'full-load' } }), ID), []);
  });

  it('warns of large tables with FULL, and of unlogged tables', async () => {
    const findings = await withTables(`
      CREATE TABLE wide (id int);
      ALTER TABLE wide REPLICA IDENTITY FULL;
      INSERT INTO wide SELECT generate_series(1, 100500);
      ANALYZE wide;
      CREATE TABLE small (id int);
      ALTER TABLE small REPLICA IDENTITY FULL;
      CREATE UNLOGGED TABLE cache (id int);
    `);
    assertFinding(findings, { id: ID, verdict: 'ok' });
    assertFinding(findings, {
      id: 'source.replica_identity_full',
      verdict: 'warn',
      scope: 'source.table public.wide',
      why: /about 100500 rows/,
    });
    assertFinding(findings, {
      id: 'source.unlogged',
      verdict: 'warn',
      why: /public\.cache/,
      remedy: /ALTER TABLE public\.cache SET LOGGED;/,
    });
  });

  it('blocks FULL on a table whose rows cannot be compared', async () => {
    const findings = await withTables(
      `CREATE TABLE docs (body json, place point); ALTER TABLE docs REPLICA IDENTITY FULL`,
    );
    assertFinding(findings, {
      id: 'source.replica_identity_types',
      verdict: 'block',
      why: /body json, place point/,
      remedy: /ADD PRIMARY KEY/,
    });
  });
});
