import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import pg from 'pg';
import { checkHooks } from '../../activities/hook-check.js';
import type { HookResult } from '../../contract/cutover.js';
import type { Finding } from '../../contract/state.js';
import { startPgBouncer } from '../../dev/pgbouncer.js';
import type { PgBouncer } from '../../dev/pgbouncer.js';
import { waitUntil } from '../../dev/wait-until.js';
import { resolveSecret } from '../../workers/secrets.js';
import type { PooledWriters } from '../harness/pooled-writers.js';
import { openHookScene, specWith, startAttempt } from '../harness/hook-job.js';
import type { HookList, HookScene } from '../harness/hook-job.js';
import { WRITTEN_TABLE, startPooledWriters } from '../harness/pooled-writers.js';
import { query } from '../harness/world.js';
import { startPair } from '../postgres/pair.js';
import type { Pair } from '../postgres/pair.js';

const PASSWORD = 'the same on both';

describe('the PgBouncer hook', () => {
  let pair: Pair;
  let scene: HookScene;
  let pgbouncer: PgBouncer;
  const running: { stop: () => Promise<unknown> }[] = [];

  before(async () => {
    [pair, scene] = await Promise.all([
      startPair({ source: { major: 15 }, target: { major: 18 } }),
      openHookScene(),
    ]);
    for (const cluster of [pair.source, pair.target]) {
      await query(cluster.connection(), `CREATE ROLE app LOGIN PASSWORD '${PASSWORD}'`);
      await query(cluster.connection(), 'CREATE DATABASE shop OWNER app');
      await query(cluster.connection('shop'), `${WRITTEN_TABLE}; ALTER TABLE written OWNER TO app`);
    }
    pgbouncer = await startPgBouncer({
      databases: { shop: pair.source.connection('shop') },
      users: { app: PASSWORD, watcher: 'only looks' },
      settings: { stats_users: 'watcher' },
    });
    process.env.TEST_PGBOUNCER_PASSWORD = pgbouncer.admin.password;
    const document = await readFile(new URL('../../docs/hooks.md', import.meta.url), 'utf8');
    const script = /```sh\n#!\/bin\/sh\n(# retarget[\s\S]*?)```/.exec(document)?.[1] ?? '';
    await scene.program('retarget', script);
    await scene.program('idle', 'exit 0');
  });
  beforeEach(async () => {
    const { port } = pair.source;
    await writeFile(pgbouncer.databasesFile, `shop = host=127.0.0.1 port=${port} dbname=shop\n`);
    await pgbouncer.ask('RELOAD');
    for (const cluster of [pair.source, pair.target])
      await query(cluster.connection('shop'), 'TRUNCATE written');
  });
  afterEach(async () => {
    // Whoever still waits must not wait for ever.
    await pgbouncer.ask('RESUME shop').catch(() => undefined);
    await Promise.all(running.splice(0).map((client) => client.stop()));
  });
  after(async () => {
    delete process.env.TEST_PGBOUNCER_PASSWORD;
    await pgbouncer.remove();
    await Promise.all([pair.remove(), scene.remove()]);
  });

  it('brings clients to the new primary without one failed transaction', async () => {
    const writers = await startWriters(8);
    await untilMore(writers.committed);
    const call = attempt([hook()]);
    assert.match(onlyText(await call('before')), /^shop is paused$/);
    await waitUntil(async () => (await paused()) && (await count(pair.source)) > 0, { deadlineMs: 5_000 });
    const moved = await query<{ writer: number; n: number }>(
      pair.source.connection('shop'),
      'SELECT * FROM written',
    );
    await query(
      pair.target.connection('shop'),
      'INSERT INTO written SELECT * FROM json_populate_recordset(NULL::written, $1)',
      [JSON.stringify(moved)],
    );
    assert.match(
      onlyText(await call('open')),
      new RegExp(`^shop points at 127.0.0.1:${pair.target.port}/shop$`),
    );
    await untilMore(writers.committed);
    const counts = await writers.stop();
    assert.deepEqual(writers.failures, []);
    assert.equal(await count(pair.source), moved.length, 'nothing more was written there');
    assert.deepEqual(
      await query(
        pair.target.connection('shop'),
        'SELECT writer, max(n) AS n, count(*)::int FROM written GROUP BY writer ORDER BY writer',
      ),
      counts.map((n, writer) => ({ writer, n, count: n })),
    );
    assert.equal(await paused(), false);
  });

  it('lets clients go on where they were when the cutover is taken back, also by an attempt that paused nothing', async () => {
    const writers = await startWriters(4);
    const hooks = [hook()];
    const call = attempt(hooks);
    await call('before');
    assert.match(onlyText(await call('undo')), /^shop goes on$/);
    await untilMore(writers.committed);
    await attempt(hooks)('before');
    assert.match(onlyText(await attempt(hooks)('undo')), /^shop goes on$/);
    await untilMore(writers.committed);
    assert.match(onlyText(await attempt(hooks)('undo')), /^shop was not paused$/);
    await writers.stop();
    assert.deepEqual(writers.failures, []);
    assert.equal(await count(pair.target), 0);
  });

  it('gives PAUSE up where a transaction stays open, and its clients go on', async () => {
    const idle = await openTransaction();
    const writers = await startWriters(4);
    const call = attempt([hook({ timeout: '400ms' })]);
    const [result] = await call('before');
    assert.equal(result?.ok, false);
    assert.equal(result.attempts, 1);
    assert.match(result.text, /PAUSE "shop": it took longer than 400 ms\. its clients go on/i);
    await untilMore(writers.committed);
    assert.match(onlyText(await call('undo')), /was not paused/);
    await idle.query('COMMIT');
    await writers.stop();
    assert.deepEqual(writers.failures, []);
  });

  it('lets clients go on when there is no more time to wait for PAUSE', async () => {
    const idle = await openTransaction();
    const end = new AbortController();
    const calling = attempt([hook()])('before', end.signal);
    assert.ok(await waitUntil(paused, { deadlineMs: 5_000 }));
    end.abort(new Error('the longest pause has passed'));
    const [result] = await calling;
    assert.equal(result?.ok, false);
    assert.match(result.text, /the longest pause has passed/);
    assert.equal(await paused(), false);
    await idle.query('COMMIT');
  });

  it('is completed by an attempt that has not paused it, after it was pointed there too', async () => {
    const hooks = [hook()];
    await attempt(hooks)('before');
    const there = new RegExp(`^shop points at 127.0.0.1:${pair.target.port}/shop$`);
    assert.match(onlyText(await attempt(hooks)('open')), there);
    assert.match(onlyText(await attempt(hooks)('open')), there);
    assert.equal(await paused(), false);
  });

  it('points clients at the new primary of a PgBouncer that has forgotten the pause', async () => {
    const call = attempt([hook()]);
    await call('before');
    await pgbouncer.stop();
    const opening = call('open');
    await pgbouncer.start();
    const [result] = await opening;
    assert.equal(result?.ok, true, result?.text);
    const [row] = await query<{ port: number }>(
      pgbouncer.connection('app', 'shop'),
      'SELECT inet_server_port() AS port',
    );
    assert.equal(row?.port, pair.target.port);
  });

  it('does not make clients wait for the next login because PAUSE has cut one off', async () => {
    const mute = createServer().listen(0, '127.0.0.1');
    await once(mute, 'listening');
    const { port } = mute.address() as AddressInfo;
    await writeFile(pgbouncer.databasesFile, `shop = host=127.0.0.1 port=${port} dbname=shop\n`);
    await pgbouncer.ask('RELOAD');
    const asked = query(pgbouncer.connection('app', 'shop'), 'SELECT FROM written');
    await once(mute, 'connection');
    const call = attempt([hook()]);
    await call('before');
    const begun = performance.now();
    await call('open');
    await asked;
    assert.ok(performance.now() - begun < 5_000, 'server_login_retry is 15 s');
    const [retry] = (await pgbouncer.ask<{ key: string; value: string }>('SHOW CONFIG')).filter(
      ({ key }) => key === 'server_login_retry',
    );
    assert.equal(retry?.value, '15');
    mute.close();
  });

  it('points them back when the cutover of an attempt that died is undone', async () => {
    const hooks = [hook()];
    await attempt(hooks)('before');
    await writeFile(pgbouncer.databasesFile, `shop = host=127.0.0.1 port=${pair.target.port} dbname=shop\n`);
    await pgbouncer.ask('RELOAD');
    assert.match(onlyText(await attempt(hooks)('undo')), /^shop goes on$/);
    assert.equal((await shop())?.port, pair.source.port);
  });

  it('keeps clients waiting where its command does not point them elsewhere', async () => {
    const call = attempt([hook({ timeout: '300ms', retarget: { run: ['idle'] } })]);
    await call('before');
    const [result] = await call('open');
    assert.equal(result?.ok, false);
    assert.match(
      result.text,
      /shop still points at 127.0.0.1:\d+\/shop after its retarget command and RELOAD/,
    );
    assert.equal(await paused(), true);
    await call('undo');
  });

  it('fails when its console is not there, after a few attempts, and tells no password', async () => {
    await pgbouncer.stop();
    const [result] = await attempt([hook()])('before');
    await pgbouncer.start();
    assert.equal(result?.ok, false);
    assert.equal(result.attempts, 3);
    assert.match(result.text, /ECONNREFUSED/);
    assert.doesNotMatch(result.text, /clients/, 'they were not made to wait');
  });

  it('is checked by validate', async () => {
    const check = async (changes: Partial<PgBouncerSpec>): Promise<Finding> => {
      const spec = specWith([hook(changes)]);
      const findings = await checkHooks({ resolveSecret, hooksDir: scene.hooksDir }, spec);
      const found = findings.find(({ id }) => id === 'cutover.pgbouncer');
      assert.ok(found, JSON.stringify(findings));
      assert.ok(!JSON.stringify(findings).includes(pgbouncer.admin.password));
      return found;
    };
    const ok = await check({});
    assert.equal(ok.verdict, 'ok', ok.why);
    assert.match(ok.why, /shop points at 127.0.0.1:\d+, with transaction pooling/);
    assert.match((await check({ database: 'nowhere' })).why, /has no database nowhere/);
    process.env.TEST_WATCHER_PASSWORD = 'only looks';
    const watcher = await check({ user: 'watcher', password: { env: 'TEST_WATCHER_PASSWORD' } });
    assert.equal(watcher.verdict, 'block');
    assert.match(watcher.why, /admin access needed/);
    const wrong = await check({ user: 'admin', password: { env: 'TEST_WATCHER_PASSWORD' } });
    assert.equal(wrong.verdict, 'block');
    assert.match(wrong.why, /log in: .*authentication failed/i);
    delete process.env.TEST_WATCHER_PASSWORD;
    await pgbouncer.ask("SET pool_mode = 'session'");
    const session = await check({});
    await pgbouncer.ask("SET pool_mode = 'transaction'");
    assert.equal(session.verdict, 'warn', session.why);
    assert.match(session.why, /session pooling/);
  });

  type PgBouncerSpec = Extract<HookList[number], { pgbouncer: unknown }>['pgbouncer'];

  function hook(changes: Partial<PgBouncerSpec> = {}): HookList[number] {
    return {
      pgbouncer: {
        host: '127.0.0.1',
        port: pgbouncer.port,
        user: pgbouncer.admin.user,
        password: { env: 'TEST_PGBOUNCER_PASSWORD' },
        tls: { mode: 'disable' },
        database: 'shop',
        retarget: { run: ['retarget', pgbouncer.databasesFile, 'shop'] },
        ...changes,
      },
    };
  }

  function attempt(hooks: HookList) {
    const [from, to] = [pair.source.connection('shop'), pair.target.connection('shop')];
    return startAttempt({ hooks, hooksDir: scene.hooksDir, from, to });
  }

  async function startWriters(clients: number): Promise<PooledWriters> {
    const writers = await startPooledWriters(pgbouncer.connection('app', 'shop'), clients);
    running.push(writers);
    return writers;
  }

  /** A client that has begun a transaction, and leaves it open. */
  async function openTransaction(): Promise<pg.Client> {
    const client = new pg.Client(pgbouncer.connection('app', 'shop'));
    running.push({ stop: () => client.end() });
    await client.connect();
    await client.query('BEGIN');
    await client.query('INSERT INTO written VALUES (100, 1)');
    return client;
  }

  async function shop() {
    const databases = await pgbouncer.ask<{ name: string; port: number; paused: number }>('SHOW DATABASES');
    return databases.find(({ name }) => name === 'shop');
  }

  async function paused(): Promise<boolean> {
    return (await shop())?.paused === 1;
  }

  async function count(cluster: Pair['source']): Promise<number> {
    const [row] = await query<{ n: number }>(
      cluster.connection('shop'),
      'SELECT count(*)::int AS n FROM written',
    );
    return row?.n ?? 0;
  }
});

/** So many more transactions show that clients go on. */
async function untilMore(committed: () => number): Promise<void> {
  const until = committed() + 50;
  assert.ok(await waitUntil(async () => committed() >= until, { deadlineMs: 20_000 }), 'clients go on');
}

function onlyText(results: HookResult[]): string {
  const [result] = results;
  assert.ok(results.length === 1 && result?.ok, JSON.stringify(results));
  return result.text;
}
