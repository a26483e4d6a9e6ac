import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { CutOver } from '../../../contract/activities.js';
import type { Fence } from '../../../contract/cutover.js';
import type { LaneName } from '../../../contract/names.js';
import { waitUntil } from '../../../dev/wait-until.js';
import type { Job } from '../../../postgres/job.js';
import type { Pair } from '../pair.js';
import { APP, openFenced, startFencedPair } from './fenced.js';
import type { Fenced } from './fenced.js';
import { idsOn, startWriters, writtenTables } from './writers.js';
import type { Account, WriterOptions } from './writers.js';

const TABLES = 30;
const REVERSE = 'pgtrek_build_9' as LaneName;

describe('a cutover under writers', () => {
  let pair: Pair;
  let fenced: Fenced;
  let n = 0;
  before(async () => {
    pair = await startFencedPair({ autovacuum_naptime: '1s' });
    fenced = await openFenced(pair, {
      tables: `${writtenTables(TABLES)}; CREATE SEQUENCE alone; CREATE UNLOGGED TABLE aside (id int PRIMARY KEY);
        CREATE TABLE big (id int PRIMARY KEY, note text) WITH (autovacuum_vacuum_threshold = 1,
          autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)`,
    });
    await fenced.run('target', `SELECT pg_create_logical_replication_slot('${REVERSE}', 'pgoutput')`);
  });
  after(() => pair.remove());
  beforeEach(async () => {
    const names = Array.from({ length: TABLES }, (_, i) => `t${String(i)}`);
    await fenced.run('source', `TRUNCATE ${names.join()}`);
    await fenced.catchUp();
  });

  const jobWith = (cutover: Partial<Job['spec']['cutover']>): Partial<Job> => ({
    spec: { ...fenced.job.spec, cutover: { ...fenced.job.spec.cutover, ...cutover } },
  });

  async function cutOverUnder(
    cutover: Partial<Job['spec']['cutover']>,
    how: Partial<WriterOptions> = {},
  ): Promise<{ result: CutOver; account: Account }> {
    const writers = startWriters(fenced.databases, { tables: TABLES, connect: APP, ...how });
    await writers.progress(100);
    const result = await fenced.attempt({ reverse: [REVERSE] }, jobWith(cutover));
    n += 1;
    if (result.outcome === 'undone') await writers.progress(50);
    return { result, account: await writers.stop() };
  }

  /** The writers' own account equals what the new primary holds, and none has committed on the old one after the marker. */
  async function assertAccount({ committed, unknown }: Account): Promise<void> {
    const target = await idsOn(fenced.databases, 'target', TABLES);
    const source = await idsOn(fenced.databases, 'source', TABLES);
    assert.deepEqual(
      [...committed].filter((id) => !target.has(id)),
      [],
      'nothing is lost',
    );
    assert.deepEqual(
      [...target].filter((id) => !committed.has(id) && !unknown.has(id)),
      [],
      'nothing is made up',
    );
    assert.deepEqual(
      [...source].filter((id) => !target.has(id)),
      [],
      'nothing went past the fence',
    );
    await fenced.run(
      'source',
      `TRUNCATE ${Array.from({ length: TABLES }, (_, i) => `t${String(i)}`).join()}`,
    );
  }

  async function putBack(): Promise<void> {
    await fenced.putBack(n);
    await fenced.catchUp();
  }

  for (const fence of ['lock', 'read-only'] as const satisfies Fence[]) {
    it(`with fence ${fence} loses nothing of writers in random order that reconnect at once`, async () => {
      const { result, account } = await cutOverUnder({ fence });
      assert.equal(result.outcome, 'done', JSON.stringify(result));
      assert.equal(result.fence.transactionsAfterMarker, 0);
      assert.ok((account.errors.get('25006') ?? 0) > 0, 'who comes back can only read');
      const steps = result.fence.steps.map(({ step }) => step);
      assert.deepEqual(
        steps.filter((step) => step === 'fence' || step === 'read-only'),
        fence === 'lock' ? ['fence', 'read-only'] : ['read-only', 'fence'],
      );
      assert.deepEqual(steps.slice(-4), ['decided', 'opening', 'open', 'released']);
      assert.ok(result.fence.pauseMs > 0 && result.fence.pauseMs < 5_000, String(result.fence.pauseMs));
      assert.match(result.fence.warnings.join(), /unlogged tables.*public\.aside/);
      await putBack();
      await assertAccount(account);
    });
  }

  it('with fence external proves that they have stopped', async () => {
    const { result } = await cutOverUnder({ fence: 'external' });
    assert.equal(result.outcome, 'undone');
    assert.match(result.reasons.join(), /writers have not stopped: \d+ transactions/);
    assert.equal(result.fence?.ended, 0, 'nobody was ended');
    const quiet = await fenced.attempt({}, jobWith({ fence: 'external' }));
    n += 1;
    assert.equal(quiet.outcome, 'done', JSON.stringify(quiet));
    await putBack();
  });

  it('keeps those out who ask for READ WRITE, where they may not log in', async () => {
    const { result, account } = await cutOverUnder({ denyLogin: ['app'] }, { begin: 'BEGIN READ WRITE' });
    assert.equal(result.outcome, 'done', JSON.stringify(result));
    assert.ok((account.errors.get('28000') ?? 0) > 0, 'they may not log in');
    await putBack();
    await assertAccount(account);
  });

  it('ends who had begun READ WRITE, and takes sequences along when nobody is left to use them', async () => {
    let running = true;
    const numbering = assert.rejects(
      fenced.asApp(async (client) => {
        while (running) await client.query(`SELECT nextval('public.alone')`);
      }),
    );
    await fenced.asApp(async (client) => {
      await client.query('BEGIN READ WRITE; SELECT lo_from_bytea(0, $$x$$)');
      const result = await fenced.attempt();
      n += 1;
      assert.equal(result.outcome, 'done', JSON.stringify(result));
      assert.equal(result.sequences, 2);
      assert.ok(result.fence.ended >= 2);
      await assert.rejects(client.query('COMMIT'));
    });
    running = false;
    await numbering;
    const value = (end: 'source' | 'target') => fenced.run(end, 'SELECT last_value, is_called FROM alone');
    assert.deepEqual(await value('target'), await value('source'));
    await putBack();
  });

  it('opens a target that a cutover the other way had closed', async () => {
    const { database } = fenced.job.servers.target;
    const set = 'SET default_transaction_read_only';
    await fenced.run(
      'target',
      `ALTER ROLE CURRENT_USER IN DATABASE ${database} ${set} = off; ALTER DATABASE ${database} ${set} = on; ALTER ROLE app NOLOGIN`,
    );
    const result = await fenced.attempt({}, jobWith({ denyLogin: ['app'] }));
    n += 1;
    assert.equal(result.outcome, 'done', JSON.stringify(result));
    const settings = await fenced.run(
      'target',
      'SELECT FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase WHERE datname = current_database()',
    );
    assert.deepEqual(settings, []);
    const [app] = await fenced.run('target', `SELECT rolcanlogin FROM pg_roles WHERE rolname = 'app'`);
    assert.equal(app?.rolcanlogin, true);
    await putBack();
  });

  it('ends an autovacuum in the way', async () => {
    await fenced.run(
      'source',
      `INSERT INTO big SELECT i, repeat('x', 500) FROM generate_series(1, 5000) i; DELETE FROM big WHERE id % 2 = 0`,
    );
    const vacuums = async () =>
      (await fenced.run('source', `SELECT FROM pg_stat_progress_vacuum WHERE relid = 'big'::regclass`))
        .length;
    assert.ok(await waitUntil(async () => (await vacuums()) > 0, { deadlineMs: 20_000 }));
    await fenced.catchUp();
    const result = await fenced.attempt();
    n += 1;
    assert.equal(result.outcome, 'done', JSON.stringify(result));
  });
});
