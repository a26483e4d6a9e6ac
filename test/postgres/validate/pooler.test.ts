import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { startPgBouncer } from '../../../dev/pgbouncer.js';
import type { PgBouncer } from '../../../dev/pgbouncer.js';
import { assertFinding, findingsOf, startPair } from '../pair.js';
import type { Databases, Pair } from '../pair.js';

describe('who answers at an address', () => {
  let pair: Pair;
  let databases: Databases;
  const pooler: { shared?: PgBouncer; own?: PgBouncer } = {};
  before(async () => {
    pair = await startPair({ source: { major: 15 }, target: { major: 18 } });
    databases = await pair.newDatabases();
    for (const end of ['source', 'target'] as const)
      await databases.run(end, `CREATE ROLE mover LOGIN SUPERUSER PASSWORD 'mover'`);
    const options = {
      databases: { [databases.name]: pair.source.connection(databases.name) },
      users: { mover: 'mover' },
    };
    pooler.shared = await startPgBouncer(options);
    pooler.own = await startPgBouncer({ ...options, settings: { pool_mode: 'session' } });
  });
  after(async () => {
    await Promise.all([pooler.shared?.remove(), pooler.own?.remove()]);
    await pair.remove();
  });

  const through = (port: number | undefined) => ({ port: port ?? 0, user: 'mover', password: 'mover' });

  it('is a server itself, and one', async () => {
    const findings = await databases.validate();
    for (const end of ['source', 'target']) {
      assertFinding(findings, { id: `${end}.one_server`, verdict: 'ok' });
      assert.deepEqual(findingsOf(findings, `${end}.pooler`), []);
    }
  });

  it('may be a pooler that shares backends, which blocks, and whose backends keep their settings', async () => {
    const findings = await databases.validate({ source: through(pooler.shared?.port) });
    assertFinding(findings, {
      id: 'source.pooler',
      verdict: 'block',
      why: /A pooler answers at source 127\.0\.0\.1:\d+/,
      remedy: /Set source\.host and source\.port to the server itself/,
    });
    assert.deepEqual(findingsOf(findings, 'source.version'), []);
    assertFinding(findings, { id: 'target.version', verdict: 'ok' });
    const settings = await databases.run(
      'source',
      `SELECT count(*)::int AS backends FROM pg_stat_activity WHERE usename = 'mover' AND query ~ 'set_config|READ ONLY'`,
    );
    assert.deepEqual(settings, [{ backends: 0 }]);
  });

  it('may be a pooler with a backend for each session, which makes no slot', async () => {
    const source = through(pooler.own?.port);
    assertFinding(await databases.validate({ source }), {
      id: 'source.pooler',
      verdict: 'block',
      why: /no replication connection/,
    });
    const loading = await databases.validate({ source, spec: { mode: 'full-load' } });
    assertFinding(loading, { id: 'source.pooler', verdict: 'warn', why: /a backend for each session/ });
    assertFinding(loading, { id: 'source.version', verdict: 'ok' });
  });

  it('may be two servers in turn, which blocks', async () => {
    const balancer = await startBalancer([pair.source.port, pair.target.port]);
    try {
      const { port } = balancer.address() as AddressInfo;
      assertFinding(await databases.validate({ source: through(port) }), {
        id: 'source.one_server',
        verdict: 'block',
        why: /of two servers: a primary at 127\.0\.0\.1:\d+, started .*, and a primary at/,
        remedy: /no load balancer/,
      });
    } finally {
      balancer.close();
    }
  });
});

/** Each connection goes to the next one. */
async function startBalancer(ports: number[]): Promise<Server> {
  let count = 0;
  const server = createServer((client) => {
    const behind = connect(ports[(count += 1) % ports.length] ?? 0, '127.0.0.1');
    client.on('error', () => behind.destroy()).on('close', () => behind.destroy());
    behind.on('error', () => client.destroy()).on('close', () => client.destroy());
    client.pipe(behind).pipe(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
