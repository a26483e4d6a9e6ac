import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { assertFinding, findingsOf, startPair } from '../pair.js';
import type { Databases, Pair } from '../pair.js';

describe('roles that the source’s objects name', () => {
  let pair: Pair;
  let databases: Databases;
  before(async () => {
    pair = await startPair({ source: { major: 15 }, target: { major: 18 } });
    databases = await pair.newDatabases();
    await databases.run(
      'source',
      `CREATE ROLE app;
       CREATE ROLE author;
       CREATE ROLE "Read Only";
       CREATE ROLE by_default;
       CREATE TABLE public.orders (id int PRIMARY KEY, note text);
       ALTER TABLE public.orders OWNER TO app;
       GRANT SELECT (note) ON public.orders TO "Read Only";
       CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
       ALTER FUNCTION public.f() OWNER TO author;
       ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO by_default;`,
    );
    await databases.run(
      'target',
      `CREATE ROLE mover LOGIN PASSWORD 'x'; GRANT CREATE ON DATABASE ${databases.name} TO mover`,
    );
  });
  after(() => pair.remove());

  it('are not looked at when owners and privileges are skipped', async () => {
    const findings = await databases.validate({ spec: { schema: { owners: 'skip', privileges: 'skip' } } });
    assert.deepEqual(
      [...findingsOf(findings, 'target.owners'), ...findingsOf(findings, 'target.grantees')],
      [],
    );
  });

  it('block when the target lacks them, and are made by the remedy', async () => {
    const findings = await databases.validate();
    const owner = { id: 'target.owners', verdict: 'block' as const };
    assertFinding(findings, {
      ...owner,
      scope: 'target.role app',
      why: /public\.orders/,
      remedy: /^CREATE ROLE "app"; -- or schema\.owners: skip/,
    });
    assertFinding(findings, { ...owner, scope: 'target.role author', why: /public\.f\(\)/ });
    const grantee = { id: 'target.grantees', verdict: 'block' as const };
    assertFinding(findings, {
      ...grantee,
      scope: 'target.role Read Only',
      why: /public\.orders\.note/,
      remedy: /^CREATE ROLE "Read Only";/,
    });
    assertFinding(findings, {
      ...grantee,
      scope: 'target.role by_default',
      why: /default privileges of postgres/,
    });

    for (const role of ['app', 'author', '"Read Only"', 'by_default'])
      await databases.run('target', `CREATE ROLE ${role}`);
    const mended = await databases.validate();
    assertFinding(mended, { id: 'target.owners', verdict: 'ok' });
    assertFinding(mended, { id: 'target.grantees', verdict: 'ok' });
  });

  it('block when the target’s user may not act as them, nor they create in the schema', async () => {
    const validate = () => databases.validate({ target: { user: 'mover', password: 'x' } });
    const findings = await validate();
    const id = 'target.privileges.set_role';
    const app = assertFinding(findings, {
      id,
      verdict: 'block',
      scope: 'target.role app',
      why: /mover of the target may not act as app/,
      remedy: /^GRANT "app" TO "mover" WITH SET TRUE, INHERIT TRUE;/,
    });
    const inSchema = findingsOf(findings, 'target.privileges.schema');
    assert.deepEqual(
      inSchema.map(({ remedy }) => remedy),
      ['GRANT CREATE ON SCHEMA public TO app;', 'GRANT CREATE ON SCHEMA public TO mover;'],
    );
    for (const { remedy } of [app, ...inSchema]) await databases.run('target', remedy ?? '');
    const mended = await validate();
    assert.ok(!findingsOf(mended, id).some(({ scope }) => scope === 'target.role app'));
    assert.deepEqual(findingsOf(mended, 'target.privileges.schema'), []);
  });
});
