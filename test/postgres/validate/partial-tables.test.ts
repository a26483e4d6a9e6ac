import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { SpecInput } from '../../../contract/spec.js';
import type { Finding } from '../../../contract/state.js';
import { assertFinding, startPair } from '../pair.js';
import type { Databases, Pair } from '../pair.js';

type Select = NonNullable<SpecInput['select']>;

const SQL = `
  CREATE SCHEMA app;
  CREATE FUNCTION app.loud() RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE 'it ran'; END $$;
  CREATE TABLE app.orders (
    id int PRIMARY KEY, n int, "No" text NOT NULL DEFAULT 'x', must text NOT NULL, twice int GENERATED ALWAYS AS (id * 2) STORED
  );
  CREATE TABLE app."Orders" (id int PRIMARY KEY);
  CREATE TABLE app.numbered (id serial PRIMARY KEY, n int);
  CREATE TABLE app.full_identity (id int PRIMARY KEY, n int);
  ALTER TABLE app.full_identity REPLICA IDENTITY FULL;
  CREATE TABLE app.event (id int, at int, what text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
  CREATE TABLE app.event_1 PARTITION OF app.event FOR VALUES FROM (1) TO (10);
  CREATE TABLE app.event_2 PARTITION OF app.event FOR VALUES FROM (10) TO (20);
  CREATE TABLE app.left_out (id int PRIMARY KEY);
  INSERT INTO app.orders (id, must) VALUES (1, 'x');`;

describe('columns and rows of select', () => {
  let pair: Pair;
  let databases: Databases;
  before(async () => {
    pair = await startPair({
      source: { major: 15, settings: { wal_level: 'logical' } },
      target: { major: 18 },
    });
    databases = await pair.newDatabases();
    await databases.run('source', SQL);
  });
  after(() => pair.remove());

  const validate = (select: Select, spec: Partial<SpecInput> = {}) =>
    databases.validate({ spec: { ...spec, select: { exclude: ['app.left_out'], ...select } } });
  const asked = (findings: Finding[]) =>
    findings.filter(
      ({ id, verdict }) => /^select\.(columns|rows|partial)$|^check/.test(id) && verdict !== 'ok',
    );

  it('are accepted as they should be written', async () => {
    const select = {
      columns: {
        'app.orders': ['id', 'must', 'n'],
        'app.event': ['id', 'at'],
      },
      rows: {
        'app.orders': `id > 5 AND id <> ALL (ARRAY[7, 8]) -- a comment`,
        'app.event': 'at < 15',
        'app.full_identity': 'n IS NOT NULL',
      },
    };
    assert.deepEqual(asked(await validate(select)), []);
    assert.deepEqual(asked(await validate(select, { mode: 'full-load' })), []);
    assert.deepEqual(
      await databases.run('source', 'SELECT pubname FROM pg_publication'),
      [],
      'what was tried is gone',
    );
  });

  for (const [key, why, remedy] of [
    ['app.order', /no selected table\. Near it: app\."Orders", app\.orders/, /schema\.table/],
    ['app.left_out', /no selected table/, /select the table/],
    ['app.*', /several tables/, /Name each/],
    ['app.event_1', /partition of app\.event/, /^Name app\.event instead/],
  ] as const) {
    it(`are refused for ${key}`, async () => {
      const findings = await validate({ columns: { [key]: ['id'] }, rows: { [key]: 'id > 0' } });
      for (const field of ['columns', 'rows'])
        assertFinding(findings, {
          id: `select.${field}`,
          scope: `select.${field} ${key}`,
          verdict: 'block',
          why,
          remedy,
        });
    });
  }

  for (const [columns, why, remedy] of [
    [['id', 'must', 'no'], /does not have: no\b/, /Its columns: id, n, No, must, twice/],
    [['id', 'must', 'twice'], /generated columns.*: twice/, /Leave them out/],
    [['id', 'must', 'id'], /twice: id/, /once/],
    [['id', 'n'], /may not be null and have no default: must/, /give them a default on the source/],
  ] as const) {
    it(`are refused for the list ${columns.join(', ')}`, async () => {
      const findings = await validate({ columns: { 'app.orders': [...columns] } });
      const found = asked(findings).filter(({ why: text }) => why.test(text));
      assert.equal(found.length, 1, JSON.stringify(asked(findings)));
      assertFinding(found, {
        id: 'select.columns',
        scope: 'source.table app.orders',
        verdict: 'block',
        remedy,
      });
    });
  }

  it('are refused for a list without the replica identity', async () => {
    const findings = asked(await validate({ columns: { 'app.numbered': ['n'] } }));
    assertFinding(findings, {
      id: 'select.columns',
      scope: 'source.table app.numbered',
      verdict: 'block',
      why: /lacks columns of its replica identity \(id\).*UPDATE and DELETE of app\.numbered fail on the source/,
      remedy: /^Add them to the list: id\.$/,
    });
  });

  it('are refused for a list on a table with REPLICA IDENTITY FULL', async () => {
    const findings = await validate({ columns: { 'app.full_identity': ['id', 'n'] } });
    assertFinding(asked(findings), {
      id: 'select.columns',
      verdict: 'block',
      why: /FULL/,
      remedy: /IDENTITY DEFAULT/,
    });
  });

  it('are refused for a partition whose identity differs', async () => {
    const own = await pair.newDatabases();
    await own.run('source', SQL + 'ALTER TABLE app.event_2 REPLICA IDENTITY FULL;');
    const select = { columns: { 'app.event': ['id', 'at'] } };
    assertFinding(asked(await own.validate({ spec: { select } })), {
      id: 'select.columns',
      verdict: 'block',
      scope: 'source.table app.event',
      why: /app\.event_2/,
      remedy: /ALTER TABLE app\.event_2/,
    });
  });

  for (const [condition, why] of [
    ['id >', /syntax error/],
    ['nothing = 1', /column "nothing" does not exist/],
    ['id', /boolean/],
    ['id > 0; DROP TABLE app.orders', /syntax error|multiple commands/],
    ['true); DROP TABLE app.orders; SELECT (true', /syntax error|multiple commands/],
    ['id = 1) OR (id = 2', /syntax error/],
    ['true THEN true WHEN true', /syntax error/],
    ['id > 0 /*', /unterminated/],
    ['id = $1', /parameter/],
    ['loud()', /function loud\(\) does not exist/],
    ['count(*) > 0', /aggregate/],
  ] as const) {
    it(`are refused for the condition ${condition}`, async () => {
      for (const mode of ['full-load', 'full-load-and-cdc'] as const) {
        const findings = asked(await validate({ rows: { 'app.orders': condition } }, { mode }));
        assertFinding(findings, {
          id: 'select.rows',
          scope: 'source.table app.orders',
          verdict: 'block',
          why,
        });
      }
      const tables = await databases.run('source', 'SELECT id FROM app.orders');
      assert.equal(tables.length, 1);
    });
  }

  for (const [condition, why, remedy] of [
    [
      'n > 5',
      /columns that are not of its replica identity/,
      /^ALTER TABLE app\.orders REPLICA IDENTITY FULL; -- or use only .*\(id\)/,
    ],
    ['app.loud()', /User-defined/, /immutable/],
    ['id IN (SELECT 1)', /Only columns, constants/, /immutable/],
    [`"No" < now()::text`, /Only columns, constants/, /immutable/],
  ] as const) {
    it(`are refused for replication with the condition ${condition}, and read without running it`, async () => {
      const select = { rows: { 'app.orders': condition } };
      assertFinding(asked(await validate(select)), { id: 'select.rows', verdict: 'block', why, remedy });
      assert.deepEqual(asked(await validate(select, { mode: 'full-load' })), []);
    });
  }

  it('mend by what is said', async () => {
    const own = await pair.newDatabases();
    await own.run('source', SQL);
    const spec = { select: { rows: { 'app.orders': 'n > 5' } } };
    const [finding] = asked(await own.validate({ spec }));
    await own.run('source', (finding?.remedy ?? '').replace(/ -- or .*/, ''));
    assert.deepEqual(asked(await own.validate({ spec })), []);
  });

  it('do not go with load.method dump', async () => {
    const select = { rows: { 'app.orders': 'id > 5' } };
    const dump = { mode: 'full-load', load: { method: 'dump' } } as const;
    assertFinding(await validate(select, dump), { id: 'select.partial', verdict: 'block', remedy: /stream/ });
  });

  it('do not go with a publication that was given, and leave out what the target need not have', async () => {
    const select = { columns: { 'app.orders': ['id', 'must'] } };
    const start = { slot: 's', publication: 'p' };
    assertFinding(await validate(select, { mode: 'cdc', cdc: { start } }), {
      id: 'select.partial',
      verdict: 'block',
      why: /publication.*: p has/,
    });
    const own = await pair.newDatabases();
    await own.run('source', SQL);
    await own.run(
      'target',
      'CREATE SCHEMA app; CREATE TABLE app.orders (id int PRIMARY KEY, must text, more int NOT NULL)',
    );
    const findings = await own.validate({
      spec: { mode: 'cdc', select: { include: ['app.orders'], ...select } },
    });
    assertFinding(asked(findings), {
      id: 'select.columns',
      verdict: 'block',
      why: /no default: more$|more\./,
      remedy: /on the target/,
    });
    assertFinding(findings, { id: 'target.tables', verdict: 'ok' });
  });
});
