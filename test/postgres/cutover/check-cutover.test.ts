import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Job } from '../../../postgres/job.js';
import { checkCutover } from '../../../postgres/cutover/check-cutover.js';
import { LANE } from '../apply-errors/lane.js';
import type { Pair } from '../pair.js';
import { openFenced, startFencedPair } from './fenced.js';
import type { Fenced } from './fenced.js';

/** As a managed server's administrator: no superuser, and owner of what travels. */
const MOVER = { user: 'mover', password: 'mover' };

describe('what a look before a cutover finds, as a role that is no superuser', () => {
  let pair: Pair;
  let fenced: Fenced;
  before(async () => {
    pair = await startFencedPair({ max_locks_per_transaction: '10', max_connections: '30' });
    fenced = await openFenced(pair, {
      spec: { cutover: { denyLogin: ['app'], reverse: true } },
      jobFor: async (job, { run, name }) => {
        await run(
          'source',
          `CREATE ROLE mover LOGIN REPLICATION PASSWORD 'mover'; GRANT pg_signal_backend TO mover`,
        );
        await run(
          'target',
          `CREATE ROLE mover LOGIN PASSWORD 'mover'; GRANT pg_create_subscription TO mover`,
        );
        for (const end of ['source', 'target'] as const)
          await run(
            end,
            `ALTER DATABASE ${name} OWNER TO mover; ALTER TABLE t OWNER TO mover; ALTER TABLE beat OWNER TO mover;
             ALTER SCHEMA public OWNER TO mover`,
          );
        await run('source', 'ALTER ROLE mover CREATEROLE');
        const { source, target, replication } = job.servers;
        const servers = {
          ...job.servers,
          source: { ...source, ...MOVER },
          target: { ...target, ...MOVER },
          replication: { ...replication, ...MOVER },
        };
        return { ...job, servers };
      },
    });
  });
  after(() => pair.remove());

  const look = (cutover: Partial<Job['spec']['cutover']> = {}) => {
    const { job } = fenced;
    const spec = { ...job.spec, cutover: { ...job.spec.cutover, ...cutover } };
    return checkCutover({ ...job, spec }, [LANE]);
  };

  async function assertReason(reason: RegExp, cutover: Partial<Job['spec']['cutover']> = {}): Promise<void> {
    const { reasons } = await look(cutover);
    assert.equal(reasons.length, 1, JSON.stringify(reasons));
    assert.match(reasons.join(), reason);
  }

  it('nothing, where every privilege is there', async () => {
    assert.deepEqual((await look()).reasons, []);
  });

  it('a database that is not ours: a reason, and with fence external a warning', async () => {
    const { run, job } = fenced;
    await run('source', `ALTER DATABASE ${job.servers.source.database} OWNER TO postgres`);
    await assertReason(/mover cannot make database .* read-only.*ALTER DATABASE .* OWNER TO "mover"/);
    const found = await look({ fence: 'external' });
    assert.deepEqual(found.reasons, []);
    assert.match(found.warnings?.join() ?? '', /mover cannot make database/);
    await run('source', `ALTER DATABASE ${job.servers.source.database} OWNER TO mover`);
  });

  it('sessions that may not be ended, as a reason and in a cutover that is undone', async () => {
    const { host, port, database, user, password } = pair.source.connection(
      fenced.job.servers.source.database,
    );
    const { default: pg } = await import('pg');
    const superuser = new pg.Client({ host, port, database, user, password, application_name: 'admin' });
    await superuser.connect();
    await assertReason(/mover may not end: pid \d+ of postgres \(admin\)/);
    const result = await fenced.attempt();
    assert.equal(result.outcome, 'undone');
    assert.match(
      result.outcome === 'undone' ? result.reasons.join() : '',
      /could not be ended: pid \d+ of postgres/,
    );
    await superuser.end();
    await fenced.assertGoesOn();
    await fenced.run('source', 'REVOKE pg_signal_backend FROM mover');
    await fenced.asApp(async () => {
      await assertReason(/may not end: pid \d+ of app \(shop\): GRANT pg_signal_backend TO "mover"/);
    });
    await fenced.run('source', 'GRANT pg_signal_backend TO mover');
  });

  it('roles that cannot be forbidden to log in', async () => {
    await assertReason(/denyLogin names nobody/, { denyLogin: ['nobody'] });
    await fenced.run('source', 'ALTER ROLE mover NOCREATEROLE');
    await assertReason(/mover cannot forbid app to log in: ALTER ROLE "mover" CREATEROLE/);
    await fenced.run('source', 'ALTER ROLE mover CREATEROLE');
  });

  it('prepared transactions, foreign subscriptions, drift, and tables that do not fit the lock table', async () => {
    const { run } = fenced;
    await fenced.asApp((client) =>
      client.query(`BEGIN; INSERT INTO public.t (note) VALUES ('x'); PREPARE TRANSACTION 'later'`),
    );
    await assertReason(/prepared transaction later/);
    await run('source', `ROLLBACK PREPARED 'later'`);
    await run(
      'source',
      `CREATE SUBSCRIPTION theirs CONNECTION 'host=127.0.0.1 port=1' PUBLICATION p WITH (connect = false);
       ALTER SUBSCRIPTION theirs SET (slot_name = 'theirs'); ALTER SUBSCRIPTION theirs ENABLE`,
    );
    // Its worker, which tries again and again, may be seen for a moment: to this role it is a session like any other.
    const { reasons } = await look();
    const others = reasons.filter((reason) => !reason.startsWith('sessions on the source'));
    assert.match(others.join(), /^subscription theirs writes on the source/);
    await run(
      'source',
      `ALTER SUBSCRIPTION theirs DISABLE; ALTER SUBSCRIPTION theirs SET (slot_name = NONE); DROP SUBSCRIPTION theirs`,
    );
    await run('source', 'ALTER TABLE t ADD added int');
    await assertReason(/drift: .*added/);
    await run('source', 'ALTER TABLE t DROP added');
    await run(
      'target',
      `
      INSERT INTO pgtrek.relation SELECT r.owner, r.id + i, r.oid, r.qualified, r.kind, r.root, true, true, '', false, '', 0, 0, r.lane
      FROM pgtrek.relation r, generate_series(1000, 1500) i WHERE r.qualified = 'public.t'`,
    );
    await assertReason(/room for 350: ALTER SYSTEM SET max_locks_per_transaction/);
    await run('target', 'DELETE FROM pgtrek.relation WHERE id >= 1000');
  });

  it('and such a role cuts over', async () => {
    await fenced.asApp(async (client) => {
      await client.query(`INSERT INTO public.t (note) VALUES ('last')`);
      const result = await fenced.attempt();
      assert.equal(result.outcome, 'done', JSON.stringify(result));
      assert.ok(result.fence.ended >= 1);
    });
    await fenced.assertDone();
  });
});
