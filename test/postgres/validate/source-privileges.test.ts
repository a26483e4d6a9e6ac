import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { assertFinding, findingsOf, startPair } from '../pair.js';
import type { Databases, Pair } from '../pair.js';

const LOGIN = { user: 'mover', password: 'secret' };
const IDS = [
  'replication',
  'create',
  'event_trigger',
  'ownership',
  'schema_usage',
  'select',
  'sequences',
  'row_security',
  'statistics',
].map((name) => `source.privileges.${name}`);

describe('privileges of the source’s role', () => {
  let pair: Pair;
  let databases: Databases;
  before(async () => {
    pair = await startPair({ source: { major: 15 }, target: { major: 18 } });
    databases = await pair.newDatabases();
    await databases.run(
      'source',
      `CREATE ROLE mover LOGIN PASSWORD 'secret';
       CREATE ROLE "App Owner";
       CREATE SCHEMA shop;
       CREATE TABLE shop.orders (id serial PRIMARY KEY);
       CREATE TABLE shop.lines (id int PRIMARY KEY);
       ALTER TABLE shop.orders OWNER TO "App Owner";
       ALTER TABLE shop.lines OWNER TO "App Owner";
       CREATE TABLE public.secrets (id int PRIMARY KEY);
       ALTER TABLE public.secrets OWNER TO "App Owner";
       ALTER TABLE public.secrets ENABLE ROW LEVEL SECURITY;`,
    );
  });
  after(() => pair.remove());

  it('are complete for a superuser', async () => {
    const findings = await databases.validate();
    for (const id of IDS) assertFinding(findings, { id, verdict: 'ok' });
  });

  it('are named with the grants that give them, and these grants suffice', async () => {
    const validate = () => databases.validate({ source: LOGIN, replication: LOGIN });
    const findings = await validate();
    const id = 'source.privileges.event_trigger';
    assertFinding(findings, { id, verdict: 'ok', why: /^mover may create no event trigger/ });
    const others = await databases.validate();
    assertFinding(others, { id, verdict: 'ok', why: /^postgres may create an event trigger/ });
    assertFinding(findings, {
      id: 'source.privileges.replication',
      verdict: 'block',
      remedy: /^ALTER ROLE "mover" REPLICATION;$/,
    });
    assertFinding(findings, {
      id: 'source.privileges.create',
      verdict: 'block',
      remedy: /^GRANT CREATE ON DATABASE test_1 TO mover;$/,
    });
    assertFinding(findings, {
      id: 'source.privileges.ownership',
      verdict: 'block',
      scope: 'source.role App Owner',
      why: /^3 selected tables belong to App Owner.*public\.secrets, shop\.lines, shop\.orders/,
      remedy: /^GRANT "App Owner" TO "mover"; -- or ALTER TABLE … OWNER TO "mover"/,
    });
    assertFinding(findings, {
      id: 'source.privileges.schema_usage',
      verdict: 'block',
      scope: 'source.schema shop',
      remedy: /^GRANT USAGE ON SCHEMA shop TO mover;$/,
    });
    // Both come with the membership of the owner.
    for (const id of ['source.privileges.select', 'source.privileges.sequences'])
      assertFinding(findings, { id, verdict: 'ok' });
    assertFinding(findings, {
      id: 'source.privileges.row_security',
      verdict: 'block',
      why: /public\.secrets/,
      remedy: /^ALTER ROLE mover BYPASSRLS;/,
    });
    assertFinding(findings, {
      id: 'source.privileges.statistics',
      verdict: 'warn',
      why: /cannot see/,
      remedy: /^GRANT pg_read_all_stats TO mover;$/,
    });
    assert.deepEqual(findingsOf(findings, 'source.open_transactions'), []);
    assert.deepEqual(findingsOf(findings, 'check.failed'), []);

    for (const { id, remedy } of findings) if (IDS.includes(id)) await databases.run('source', remedy ?? '');
    const mended = await validate();
    for (const id of IDS) assertFinding(mended, { id, verdict: 'ok' });
  });

  it('of the replication user are looked at too', async () => {
    await databases.run('source', `CREATE ROLE reader LOGIN PASSWORD 'x'`);
    const reader = await databases.validate({ replication: { user: 'reader', password: 'x' } });
    assertFinding(reader, {
      id: 'source.privileges.replication',
      verdict: 'block',
      scope: 'source.role reader',
    });
    const nobody = await databases.validate({ replication: { user: 'nobody_here', password: 'x' } });
    assertFinding(nobody, {
      id: 'source.privileges.replication',
      verdict: 'block',
      why: /no role nobody_here/,
      remedy: /CREATE ROLE "nobody_here"/,
    });
  });

  it('of RDS count: a member of rds_replication may replicate', async () => {
    await databases.run(
      'source',
      `CREATE ROLE rds_replication; CREATE ROLE cloud LOGIN PASSWORD 'x' IN ROLE rds_replication`,
    );
    const findings = await databases.validate({ source: { user: 'cloud', password: 'x' } });
    assertFinding(findings, { id: 'source.privileges.replication', verdict: 'ok' });
    await databases.run(
      'source',
      `REVOKE rds_replication FROM cloud; ALTER ROLE cloud SET rds.logical_replication = on`,
    );
    const refused = await databases.validate({ source: { user: 'cloud', password: 'x' } });
    assertFinding(refused, {
      id: 'source.privileges.replication',
      verdict: 'block',
      remedy: /GRANT rds_replication TO "cloud";/,
    });
  });

  it('need no replication and no ownership for a full load', async () => {
    await databases.run(
      'source',
      `CREATE ROLE plain LOGIN PASSWORD 'x' IN ROLE pg_read_all_data; ALTER ROLE plain BYPASSRLS`,
    );
    const findings = await databases.validate({
      source: { user: 'plain', password: 'x' },
      spec: { mode: 'full-load' },
    });
    for (const id of ['source.privileges.select', 'source.privileges.row_security'])
      assertFinding(findings, { id, verdict: 'ok' });
    for (const id of ['replication', 'create', 'ownership'])
      assert.deepEqual(findingsOf(findings, `source.privileges.${id}`), []);
  });
});
