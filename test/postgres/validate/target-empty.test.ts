import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { assertFinding, findingsOf, startPair } from '../pair.js';
import type { Pair } from '../pair.js';

const OBJECTS = `
  CREATE TABLE orders (id int PRIMARY KEY);
  CREATE VIEW v AS SELECT 1 AS x;
  CREATE SEQUENCE s;
  CREATE TYPE mood AS ENUM ('ok');
  CREATE DOMAIN positive AS int CHECK (VALUE > 0);
  CREATE FUNCTION f(a int, b text DEFAULT '') RETURNS int LANGUAGE sql AS 'SELECT 1';
  CREATE TYPE span AS RANGE (subtype = date);`;

describe('the target database', () => {
  let pair: Pair;
  before(async () => {
    pair = await startPair({ source: { major: 15 }, target: { major: 18 } });
  });
  after(() => pair.remove());

  it('may be empty', async () => {
    const databases = await pair.newDatabases();
    await databases.run('source', OBJECTS);
    assertFinding(await databases.validate(), { id: 'target.empty', verdict: 'ok' });
  });

  it('may not hold what the migration makes; the remedies empty it', async () => {
    const databases = await pair.newDatabases();
    await databases.run('source', OBJECTS);
    await databases.run('target', OBJECTS);
    const found = findingsOf(await databases.validate(), 'target.empty');
    assert.deepEqual(found.map(({ remedy }) => remedy?.replace(/ --.*/, '')).sort(), [
      'DROP DOMAIN public.positive CASCADE;',
      'DROP ROUTINE public.f(integer,text) CASCADE;',
      'DROP SEQUENCE public.s CASCADE;',
      'DROP TABLE public.orders CASCADE;',
      'DROP TYPE public.mood CASCADE;',
      'DROP TYPE public.span CASCADE;',
      'DROP VIEW public.v CASCADE;',
    ]);
    assert.ok(found.every(({ verdict }) => verdict === 'block'));
    for (const { remedy } of found) await databases.run('target', remedy ?? '');
    assertFinding(await databases.validate(), { id: 'target.empty', verdict: 'ok' });
  });

  it('may hold something else, with a warning; the schema of ours does not count', async () => {
    const databases = await pair.newDatabases();
    await databases.run('source', OBJECTS);
    await databases.run(
      'target',
      `CREATE TABLE theirs (id int); CREATE SCHEMA pgtrek; CREATE TABLE pgtrek.x (id int); CREATE EXTENSION pg_prewarm`,
    );
    const findings = await databases.validate();
    assert.deepEqual(findingsOf(findings, 'target.empty'), []);
    assertFinding(findings, {
      id: 'target.others',
      verdict: 'warn',
      why: /holds 1 objects .*: TABLE public\.theirs\. They stay/,
    });
  });

  it('tells many collisions at once', async () => {
    const databases = await pair.newDatabases();
    const tables = Array.from({ length: 25 }, (_, i) => `CREATE TABLE t${i} (id int PRIMARY KEY);`).join('');
    await databases.run('source', tables);
    await databases.run('target', tables);
    const { more } = assertFinding(await databases.validate(), {
      id: 'target.empty',
      verdict: 'block',
      why: /^25 objects .*: TABLE public\.t0, .* and 20 more\.$/,
      remedy: /an empty target database/,
    });
    assert.equal(more, 24);
  });
});
