import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import type { CutoverArena, Clients } from '../../../bench/cutover/case.js';
import { pgbouncer } from '../../../bench/cutover/pgbouncer.js';
import { tables } from '../../../bench/cutover/tables.js';
import { pgbench } from '../../../bench/cutover/tpcb.js';
import { query } from '../../../bench/load/sql.js';
import { Belongings } from '../../../dev/belongings.js';
import { startCluster } from '../../../dev/cluster.js';
import type { Cluster } from '../../../dev/cluster.js';
import { findClientTools } from '../../../postgres/client-tools.js';
import { startAttempt } from '../../harness/hook-job.js';

const SMALLEST = 0.000_1;

// The new primary is a copy of the old one, made while nobody can write: what a cutover takes care of.
describe('the clients of the benchmark of cutovers', () => {
  let cluster: Cluster;
  let arena: CutoverArena;
  let run = 0;

  before(async () => {
    cluster = await startCluster({ major: 15 });
    await query(cluster.connection(), `CREATE ROLE app LOGIN PASSWORD 'app'`);
  });
  after(() => cluster.remove());
  beforeEach(async () => {
    run += 1;
    arena = {
      source: cluster.connection(`old_${run}`),
      target: cluster.connection(`new_${run}`),
      app: { user: 'app', password: 'app' },
      tools: await findClientTools(15),
      folder: await mkdtemp(path.join(tmpdir(), 'pgtrek-test-')),
      belongings: new Belongings(),
      rate: 400,
    };
    await query(cluster.connection(), `CREATE DATABASE ${arena.source.database}`);
  });
  afterEach(async () => {
    assert.deepEqual(await arena.belongings.closeAll(), []);
    await rm(arena.folder, { recursive: true });
  });

  for (const chosen of [pgbench, tables]) {
    it(`of ${chosen.name} find the new primary, and tell their pause and what they have committed`, async () => {
      await chosen.fill(arena, SMALLEST);
      const { clients, hooks } = await chosen.start(arena);
      const call = startAttempt({ hooks, hooksDir: arena.folder, from: arena.source, to: arena.target });
      await write(clients);
      clients.watch();
      await query(
        cluster.connection(),
        `ALTER DATABASE ${arena.source.database} SET default_transaction_read_only = on`,
      );
      await copyWhenFree();
      assert.equal((await call('open'))[0]?.ok, true);
      await clients.untilOn('target');
      const { pausesMs, committed, problems, failed } = await clients.stop();
      assert.deepEqual(problems, []);
      assert.equal(failed, 0);
      assert.ok(committed > 0);
      const [pause = 0] = pausesMs;
      assert.ok(pausesMs.length === 1 && pause > 1 && pause < 60_000, String(pausesMs));
      await query(arena.target, 'DELETE FROM written WHERE writer = 3 AND n = 1');
      assert.match(
        (await clients.stop()).problems.join(),
        /^client 3 has committed \d+; there are \d+, up to \d+$/,
      );
    });
  }

  it('of pgbouncer are pgbench itself, of which no transaction fails', async () => {
    await pgbouncer.fill(arena, SMALLEST);
    const { clients, hooks, environment } = await pgbouncer.start(arena);
    process.env.PGBOUNCER_PASSWORD = environment['PGBOUNCER_PASSWORD'];
    const hooksDir = environment['PGTREK_HOOKS'] ?? '';
    const call = startAttempt({ hooks, hooksDir, from: arena.source, to: arena.target });
    await clients.begin();
    clients.watch();
    assert.equal((await call('before'))[0]?.ok, true);
    await copyWhenFree();
    assert.equal((await call('open'))[0]?.ok, true);
    await clients.untilOn('target');
    const { pausesMs, committed, problems, failed } = await clients.stop();
    delete process.env.PGBOUNCER_PASSWORD;
    assert.deepEqual(problems, []);
    assert.equal(failed, 0);
    assert.ok(committed > 200, String(committed));
    assert.ok(pausesMs.length === 1 && (pausesMs[0] ?? 0) > 1, String(pausesMs));
  });

  async function write(clients: Clients): Promise<void> {
    await arena.belongings.open(
      () => clients.begin(),
      () => clients.stop(),
    );
  }

  /** A template must have no sessions. */
  async function copyWhenFree(): Promise<void> {
    const end = `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '${arena.source.database}'`;
    for (let tries = 1; ; tries += 1) {
      await query(cluster.connection(), end);
      try {
        await query(
          cluster.connection(),
          `CREATE DATABASE ${arena.target.database} TEMPLATE ${arena.source.database}`,
        );
        return;
      } catch (error) {
        if (tries === 20) throw error;
      }
    }
  }
});
