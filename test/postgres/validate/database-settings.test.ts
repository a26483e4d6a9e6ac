import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { assertFinding, findingsOf, startPair } from '../pair.js';
import type { Databases, Pair } from '../pair.js';

const IDS = ['source.database_settings', 'source.role_settings', 'source.database_privileges'];

async function runFixes(databases: Databases): Promise<void> {
  for (const { id, fix } of await databases.validate())
    if (fix && IDS.includes(id))
      for (const statement of fix.statements) await databases.run(fix.on, statement);
}

describe('settings and privileges of the database', () => {
  let pair: Pair;
  before(async () => {
    pair = await startPair({ source: { major: 15 }, target: { major: 18 } });
  });
  after(() => pair.remove());

  it('are on the target as they were when the statements were run', async () => {
    const databases = await pair.newDatabases();
    const { name } = databases;
    await databases.run('target', 'CREATE ROLE reader; CREATE ROLE "Odd Name"');
    for (const sql of [
      'CREATE ROLE reader',
      'CREATE ROLE "Odd Name"',
      `ALTER DATABASE ${name} SET search_path TO "$user", 'My Schema', ''`,
      `ALTER DATABASE ${name} SET "app.greeting" TO 'it''s \\ here'`,
      `ALTER DATABASE ${name} SET timezone TO 'Europe/Berlin'`,
      `ALTER ROLE "Odd Name" IN DATABASE ${name} SET work_mem TO '9MB'`,
      `ALTER ROLE reader SET statement_timeout TO '9s'`,
      `GRANT CONNECT, TEMPORARY ON DATABASE ${name} TO reader WITH GRANT OPTION`,
      `REVOKE ALL ON DATABASE ${name} FROM PUBLIC`,
      `COMMENT ON DATABASE ${name} IS 'back\\slash'`,
    ])
      await databases.run('source', sql);
    await runFixes(databases);
    const settings = (end: 'source' | 'target') =>
      databases.run(
        end,
        `SELECT setrole::regrole::text AS role, unnest(setconfig) AS setting FROM pg_db_role_setting ORDER BY 1, 2`,
      );
    assert.deepEqual(await settings('target'), await settings('source'));
    const left = (await databases.validate()).filter(({ id }) => IDS.includes(id));
    assert.deepEqual(left, []);
    await pair.clear(databases);
  });

  it('are told without secrets, and those that could lock everybody out are left to people', async () => {
    const databases = await pair.newDatabases();
    const { name } = databases;
    await databases.run('source', `ALTER DATABASE ${name} SET app.jwt_secret TO 'hush'`);
    await databases.run('source', `ALTER DATABASE ${name} SET work_mem TO '9MB'`);
    await databases.run('source', `ALTER DATABASE ${name} SET default_transaction_read_only TO on`);
    const finding = assertFinding(await databases.validate(), {
      id: 'source.database_settings',
      verdict: 'warn',
      remedy: /SET app\.jwt_secret TO '…';.*SET default_transaction_read_only TO 'on';/,
    });
    assert.ok(!JSON.stringify(finding).includes('hush'));
    assert.deepEqual(finding.fix?.statements, [`ALTER DATABASE "${name}" SET work_mem TO '9MB';`]);
    await pair.clear(databases);
  });

  it('come with no fix where the role may not run it', async () => {
    const databases = await pair.newDatabases();
    const { name } = databases;
    await databases.run('target', `CREATE ROLE mover LOGIN PASSWORD 'mover'; CREATE ROLE reader`);
    await databases.run('source', `CREATE ROLE reader; ALTER ROLE reader SET work_mem TO '9MB'`);
    await databases.run('source', `ALTER DATABASE ${name} SET work_mem TO '9MB'`);
    await databases.run('source', `COMMENT ON DATABASE ${name} IS 'ours'`);
    const findings = await databases.validate({ target: { user: 'mover', password: 'mover' } });
    for (const id of IDS)
      assert.deepEqual(
        findingsOf(findings, id).map(({ fix }) => fix),
        [undefined],
      );
    await pair.clear(databases);
  });
});
