import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { LaneName } from '../../contract/names.js';
import { parseSpec } from '../../contract/spec.js';
import { connectionString } from '../../postgres/endpoint.js';
import { createDdlTrigger } from '../../postgres/lane/ddl-trigger.js';
import { createJournal, createTargetJournal } from '../../postgres/lane/journal.js';
import { SCHEMA_COMMENT, createLedger } from '../../postgres/ledger/create-ledger.js';
import { findOrphans, removeOrphan } from '../../postgres/orphans.js';
import type { Orphan } from '../../postgres/orphans.js';
import { withSession } from '../../postgres/session.js';
import { startPair } from './pair.js';
import type { Databases, Pair } from './pair.js';

const live =
  (...owners: string[]) =>
  (owner: string) =>
    Promise.resolve(owners.includes(owner));

const SPEC = {
  name: 'any',
  source: { host: 'a', database: 'a', user: 'a' },
  target: { host: 'b', database: 'b', user: 'b' },
};

/** What a running migration has on both ends, with a subscription that applies. */
async function makeMigration({ servers, run }: Databases, name: string, owner: string): Promise<void> {
  const lane = `pgtrek_${name}_1` as LaneName;
  await withSession(servers.source, { purpose: 'test' }, (source) => createJournal(source, lane, owner));
  await withSession(servers.target, { purpose: 'test' }, async (target) => {
    await createLedger(target, owner, name);
    await createTargetJournal(target, lane, owner);
  });
  const job = { name, owner, spec: parseSpec(SPEC), servers, dataDir: '/nowhere' };
  await withSession(servers.source, { purpose: 'test' }, (source) => createDdlTrigger(job, source));
  await run(
    'source',
    `CREATE PUBLICATION ${lane} FOR TABLE pgtrek.${lane}; COMMENT ON PUBLICATION ${lane} IS 'pgtrek owner=${owner}'`,
  );
  await run('source', `SELECT pg_create_logical_replication_slot('${lane}', 'pgoutput')`);
  const connection = connectionString(servers.replication, lane, 180000).replaceAll("'", "''");
  await run(
    'target',
    `CREATE SUBSCRIPTION ${lane} CONNECTION '${connection}' PUBLICATION ${lane} WITH (create_slot = false, copy_data = false);
     COMMENT ON SUBSCRIPTION ${lane} IS 'pgtrek owner=${owner}';
     INSERT INTO pgtrek.lane VALUES ('${owner}', '${lane}', 'applying')`,
  );
}

function tell(orphans: Orphan[]): string[] {
  return orphans.map(({ end, kind, name, owner }) => `${end} ${kind} ${name} ${owner ?? '-'}`);
}

describe('orphans', () => {
  let pair: Pair;
  let databases: Databases;
  before(async () => {
    pair = await startPair({ source: { major: 15 }, target: { major: 18 } });
    databases = await pair.newDatabases();
    await makeMigration(databases, 'dead', 'run-dead');
    await makeMigration(databases, 'alive', 'run-alive');
  });
  after(() => pair.remove());

  const find = (isLive: (owner: string) => Promise<boolean>, names?: string[]) =>
    findOrphans({ servers: databases.servers, isLive, ...(names ? { names } : {}) });

  it('are none while all workflows run', async () => {
    assert.deepEqual(await find(live('run-dead', 'run-alive')), []);
  });

  it('are all objects of a workflow that runs no more, in the order of removal', async () => {
    const lane = 'pgtrek_dead_1 run-dead';
    const expected = [
      `target subscription ${lane}`,
      'source event-trigger pgtrek_dead_ddl run-dead',
      `source slot ${lane}`,
      `source publication ${lane}`,
      `target journal ${lane}`,
      `source journal ${lane}`,
      'target ledger dead run-dead',
    ];
    assert.deepEqual(tell(await find(live('run-alive'))), expected);
    assert.deepEqual(tell(await find(live(), ['dead'])), expected);
    assert.deepEqual(await find(live(), ['other']), []);
  });

  it('of another database of the same servers are not ours to judge', async () => {
    const other = await pair.newDatabases();
    assert.deepEqual(await findOrphans({ servers: other.servers, isLive: live() }), []);
  });

  it('are removed while they run, without harm to the living, and twice as well as once', async () => {
    const orphans = await find(live('run-alive'));
    for (const orphan of orphans) await removeOrphan(databases.servers, orphan);
    assert.deepEqual(await find(live('run-alive')), []);
    for (const orphan of orphans) await removeOrphan(databases.servers, orphan);
    assert.equal((await find(live())).length, 7, 'the living one has all seven');
    const rows = await databases.run(
      'target',
      `SELECT owner FROM pgtrek.lane UNION ALL SELECT owner FROM pgtrek.migration`,
    );
    assert.deepEqual(rows, [{ owner: 'run-alive' }, { owner: 'run-alive' }]);
  });

  it('are left alone when they became another run’s meanwhile', async () => {
    const journal = (await find(live())).find(({ end, kind }) => end === 'source' && kind === 'journal');
    assert.ok(journal);
    await removeOrphan(databases.servers, { ...journal, owner: 'run-before' });
    assert.ok((await find(live())).some(({ end, kind }) => end === 'source' && kind === 'journal'));
  });

  it('take schema pgtrek with the last of them', async () => {
    for (const orphan of await find(live())) await removeOrphan(databases.servers, orphan);
    assert.deepEqual(await find(live()), []);
    for (const end of ['source', 'target'] as const) {
      assert.deepEqual(await databases.run(end, `SELECT 1 FROM pg_namespace WHERE nspname = 'pgtrek'`), []);
    }
    assert.deepEqual(await databases.run('source', 'SELECT 1 FROM pg_replication_slots'), []);
    assert.deepEqual(await databases.run('source', 'SELECT 1 FROM pg_event_trigger'), []);
    assert.deepEqual(await databases.run('target', 'SELECT 1 FROM pg_replication_origin'), []);
  });

  it('include what has lost its mark, and an empty schema', async () => {
    await databases.run(
      'source',
      `CREATE PUBLICATION pgtrek_torn_2; CREATE SCHEMA pgtrek; COMMENT ON SCHEMA pgtrek IS '${SCHEMA_COMMENT}'`,
    );
    const orphans = await find(live('run-alive'));
    assert.deepEqual(tell(orphans), ['source publication pgtrek_torn_2 -', 'source schema pgtrek -']);
    assert.deepEqual(
      orphans.map(({ remove }) => remove),
      ['DROP PUBLICATION "pgtrek_torn_2";', 'DROP SCHEMA pgtrek CASCADE;'],
    );
    for (const orphan of orphans) await removeOrphan(databases.servers, orphan);
    assert.deepEqual(await find(live()), []);
  });
});
