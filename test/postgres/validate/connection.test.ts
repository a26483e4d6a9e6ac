import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { assertFinding, findingsOf, startPair } from '../pair.js';
import type { Databases, Pair } from '../pair.js';

describe('connections', () => {
  let pair: Pair;
  let databases: Databases;
  before(async () => {
    pair = await startPair({ source: { major: 15 }, target: { major: 18 } });
    databases = await pair.newDatabases();
  });
  after(() => pair.remove());

  it('says version and user of both servers', async () => {
    const findings = await databases.validate();
    assertFinding(findings, {
      id: 'source.connection',
      verdict: 'ok',
      why: /PostgreSQL 15\.\d+.* as user postgres/,
    });
    assertFinding(findings, { id: 'target.connection', verdict: 'ok', why: /PostgreSQL 18\.\d+/ });
    assert.deepEqual(findingsOf(findings, 'check.failed'), []);
  });

  it('tells an unknown host, and still looks at the other server', async () => {
    const findings = await databases.validate({ target: { host: 'no-such-host.invalid' } });
    assertFinding(findings, {
      id: 'target.connection',
      verdict: 'block',
      why: /no-such-host\.invalid.*not known/,
      remedy: /target\.host/,
    });
    assertFinding(findings, { id: 'source.wal_level', verdict: 'ok' });
    assert.deepEqual(findingsOf(findings, 'target.version'), []);
    assert.deepEqual(findingsOf(findings, 'target.encoding'), []);
  });

  it('tells a refused connection', async () => {
    const findings = await databases.validate({ source: { port: 1 } });
    assertFinding(findings, {
      id: 'source.connection',
      verdict: 'block',
      why: /127\.0\.0\.1:1 refuses connections/,
      remedy: /source\.port/,
    });
    assertFinding(findings, { id: 'target.version', verdict: 'ok' });
  });

  it('tells a server that never answers after 10 s', async () => {
    const silent = createServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    try {
      const { port } = silent.address() as AddressInfo;
      const findings = await databases.validate({ source: { port } });
      assertFinding(findings, {
        id: 'source.connection',
        verdict: 'block',
        why: /did not answer within 10 s/,
        remedy: /Open port/,
      });
    } finally {
      silent.close();
    }
  });

  it('tells a wrong password without showing it', async () => {
    const findings = await databases.validate({
      source: { password: 'so-wrong' },
      target: { password: undefined },
    });
    assertFinding(findings, {
      id: 'source.connection',
      verdict: 'block',
      why: /refused the password of postgres.*28P01/,
    });
    assertFinding(findings, {
      id: 'target.connection',
      verdict: 'block',
      why: /asks for a password.*none is given/,
      remedy: /target\.password/,
    });
    assert.doesNotMatch(JSON.stringify(findings), /so-wrong/);
  });

  it('tells an unknown database', async () => {
    const findings = await databases.validate({ source: { database: 'nope' }, target: { database: 'nope' } });
    assertFinding(findings, { id: 'source.connection', verdict: 'block', why: /no database nope.*3D000/ });
    assertFinding(findings, { id: 'target.connection', verdict: 'block', remedy: /CREATE DATABASE nope/ });
  });

  it('tells that a server offers no TLS', async () => {
    const findings = await databases.validate({ source: { tls: { mode: 'verify-full' } } });
    assertFinding(findings, {
      id: 'source.connection',
      verdict: 'block',
      why: /does not offer TLS.*verify-full/,
      remedy: /tls\.mode: disable/,
    });
  });

  it('tells a certificate file that cannot be read', async () => {
    const findings = await databases.validate({
      source: { tls: { mode: 'verify-full', rootCert: '/nowhere/ca.pem' } },
    });
    assertFinding(findings, {
      id: 'source.connection',
      verdict: 'block',
      why: /\/nowhere\/ca\.pem/,
      remedy: /rootCert/,
    });
  });

  it('tells a role that may not log in', async () => {
    await databases.run('source', `CREATE ROLE no_login PASSWORD 'x'`);
    const findings = await databases.validate({ source: { user: 'no_login', password: 'x' } });
    assertFinding(findings, {
      id: 'source.connection',
      verdict: 'block',
      why: /not permitted to log in/,
      remedy: /LOGIN/,
    });
  });

  it('tells a database that the role may not connect to', async () => {
    await databases.run(
      'source',
      `CREATE ROLE kept_out LOGIN PASSWORD 'x'; REVOKE CONNECT ON DATABASE ${databases.name} FROM public`,
    );
    const findings = await databases.validate({ source: { user: 'kept_out', password: 'x' } });
    assertFinding(findings, {
      id: 'source.connection',
      verdict: 'block',
      why: /42501/,
      remedy: /GRANT CONNECT ON DATABASE/,
    });
  });
});
