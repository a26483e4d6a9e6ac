import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Client } from 'pg';
import type { Cluster, ClusterConnection } from '../../dev/cluster.js';
import { embeddedMajors, startCluster } from '../../dev/cluster.js';
import { commandLineOf } from '../../dev/process.js';
import { waitUntil } from '../../dev/wait-until.js';

const major = Math.max(...embeddedMajors());

describe('a throw-away cluster', () => {
  let cluster: Cluster;

  before(async () => {
    cluster = await startCluster({ major, name: 'dev-test', settings: { max_connections: '33' } });
  });
  after(() => cluster.remove());

  it('answers SQL with its password', async () => {
    const [row] = await query(cluster.connection(), 'SELECT current_user AS who');
    assert.deepEqual(row, { who: 'postgres' });
  });

  it('refuses a wrong password', async () => {
    const wrong = { ...cluster.connection(), password: 'wrong' };
    await assert.rejects(query(wrong, 'SELECT 1'), { code: '28P01' });
  });

  it('is ready for logical replication, with the settings of its caller', async () => {
    const [row] = await query(
      cluster.connection(),
      "SELECT current_setting('wal_level') AS wal_level, current_setting('max_connections') AS connections",
    );
    assert.deepEqual(row, { wal_level: 'logical', connections: '33' });
  });

  for (const mode of ['fast', 'immediate'] as const) {
    it(`keeps its data over a ${mode} stop and a start`, async () => {
      await query(cluster.connection(), `CREATE TABLE kept_${mode} AS SELECT 42 AS n`);
      await cluster.stop(mode);
      await assert.rejects(query(cluster.connection(), 'SELECT 1'));
      await cluster.start();
      assert.deepEqual(await query(cluster.connection(), `SELECT n FROM kept_${mode}`), [{ n: 42 }]);
    });
  }

  it('starts again after its postmaster was killed', async () => {
    process.kill(await cluster.pid(), 'SIGKILL');
    await assert.doesNotReject(async () => {
      await until(async () => !(await isRunning(cluster)));
      await cluster.start();
    });
    assert.deepEqual(await query(cluster.connection(), 'SELECT 1 AS n'), [{ n: 1 }]);
  });

  it('shows the end of its log', async () => {
    assert.match(await cluster.logTail(50), /database system is ready to accept connections/);
  });
});

describe('an end of a cluster', () => {
  it('by remove leaves no process and no folder', async () => {
    const cluster = await startCluster({ major });
    const pid = await cluster.pid();
    await cluster.remove();
    assert.equal(await commandLineOf(pid), undefined);
    assert.equal(existsSync(dirname(cluster.dataDir)), false);
  });

  it('comes with the end of its process', async () => {
    const { pid, dataDir } = await runFixture('return');
    await until(async () => (await commandLineOf(pid)) === undefined);
    await until(async () => !existsSync(dirname(dataDir)));
  });

  it('comes with the SIGTERM of its process', async () => {
    const { pid } = await runFixture('SIGTERM');
    await until(async () => (await commandLineOf(pid)) === undefined);
  });

  it('comes with the next cluster, when its process was killed', async () => {
    const { pid, dataDir } = await runFixture('SIGKILL');
    assert.notEqual(await commandLineOf(pid), undefined);
    const next = await startCluster({ major });
    await next.remove();
    assert.equal(await commandLineOf(pid), undefined);
    assert.equal(existsSync(dirname(dataDir)), false);
  });
});

it('a major that is not installed is refused by name', async () => {
  await assert.rejects(startCluster({ major: 9 }), /no embedded PostgreSQL 9 .*here: .*\d/);
});

async function query(connection: ClusterConnection, sql: string): Promise<unknown[]> {
  const client = new Client(connection);
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<Record<string, unknown>>(sql);
    return rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function isRunning(cluster: Cluster): Promise<boolean> {
  return cluster.pid().then(
    () => true,
    () => false,
  );
}

/** Another process starts a cluster, then ends by itself or by a signal. */
async function runFixture(end: 'return' | NodeJS.Signals): Promise<{ pid: number; dataDir: string }> {
  const script = new URL('./programs/start-cluster.ts', import.meta.url);
  const child = spawn(process.execPath, ['--import', 'tsx', script.pathname, String(major), end], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  if (end !== 'return') child.kill(end);
  await exited;
  return JSON.parse(line.toString()) as { pid: number; dataDir: string };
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  assert.ok(await waitUntil(condition, { deadlineMs: 20_000 }), 'the condition did not come true');
}
