import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, readdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Cluster } from '../../../dev/cluster.js';
import { assertFinding, findingsOf, startPair } from '../pair.js';
import type { Databases, Pair } from '../pair.js';

const ID = 'target.reaches_source';

for (const [sourceMajor, targetMajor] of [
  [15, 18],
  [18, 15],
] as const) {
  describe(`the way from a target of ${targetMajor} to the source`, () => {
    let pair: Pair;
    let databases: Databases;
    before(async () => {
      pair = await startPair({ source: { major: sourceMajor }, target: { major: targetMajor } });
      databases = await pair.newDatabases();
    });
    after(() => pair.remove());

    it('is open, and the trial leaves nothing', async () => {
      assertFinding(await databases.validate(), {
        id: ID,
        verdict: 'ok',
        why: /reaches the source at 127\.0\.0\.1:\d+\/test_1/,
      });
      const left = `SELECT (SELECT count(*) FROM pg_subscription)::int AS subscriptions,
        (SELECT count(*) FROM pg_replication_origin)::int AS origins, (SELECT count(*) FROM pg_replication_slots)::int AS slots`;
      const nothing = [{ subscriptions: 0, origins: 0, slots: 0 }];
      assert.deepEqual(await databases.run('target', left), nothing);
      assert.deepEqual(await databases.run('source', left), nothing);
    });

    it('is told with what to open when it is closed', async () => {
      const findings = await databases.validate({ replication: { port: 1 } });
      assertFinding(findings, {
        id: ID,
        verdict: 'block',
        why: /cannot reach the source at 127\.0\.0\.1:1: .*refused/,
        remedy: /Open port 1.*source\.replication/,
      });
      const unknown = await databases.validate({ replication: { host: 'no-such.invalid' } });
      assertFinding(unknown, {
        id: ID,
        verdict: 'block',
        why: /does not know the source's host no-such\.invalid/,
        remedy: /source\.replication\.host/,
      });
    });

    it('is told when the login is refused, and no password is told or logged', async () => {
      const findings = await databases.validate({ replication: { password: `it's-wrong\\so` } });
      assertFinding(findings, {
        id: ID,
        verdict: 'block',
        why: /refuses the login of postgres.*password authentication failed/,
      });
      assert.doesNotMatch(JSON.stringify(findings), /wrong/);
      await databases.run('target', `ALTER DATABASE ${databases.name} SET log_statement = 'ddl'`);
      await databases.validate({ replication: { password: `it's-wrong\\so` } });
      await databases.validate();
      const log = await readLog(pair.target);
      assert.doesNotMatch(log, /wrong/);
      assert.ok(!log.includes(pair.source.password));
    });

    it('is not told of when the role may not replicate, which is a finding of its own', async () => {
      await databases.run('source', `CREATE ROLE reader LOGIN PASSWORD 'x'`);
      const findings = await databases.validate({ replication: { user: 'reader', password: 'x' } });
      assertFinding(findings, {
        id: 'source.privileges.replication',
        verdict: 'block',
        scope: 'source.role reader',
      });
      assert.deepEqual(findingsOf(findings, ID), []);
    });

    it('is told when TLS or the database is another', async () => {
      const tls = await databases.validate({ replication: { tls: { mode: 'require' } } });
      assertFinding(tls, {
        id: ID,
        verdict: 'block',
        why: /do not agree on TLS/,
        remedy: /source\.replication\.tls/,
      });
      const database = await databases.validate({ replication: { database: 'nope' } });
      assertFinding(database, { id: ID, verdict: 'block', why: /another server.*"nope" does not exist/ });
    });

    it(
      'is given up after 15 s when nobody answers',
      { skip: targetMajor < 18 && 'once is enough' },
      async () => {
        const silent = createServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1');
        await once(silent, 'listening');
        try {
          const { port } = silent.address() as AddressInfo;
          const findings = await databases.validate({ replication: { port } });
          assertFinding(findings, {
            id: ID,
            verdict: 'block',
            why: /cannot reach.*timeout/,
            remedy: /Open port/,
          });
        } finally {
          silent.close();
        }
      },
    );
  });
}

/** The log is beside the data folder or in it. */
async function readLog({ dataDir }: Cluster): Promise<string> {
  const folder = path.dirname(dataDir);
  const names = (await readdir(folder)).filter((name) => name.includes('log'));
  assert.ok(names.length > 0, `a log in ${folder}`);
  return (await Promise.all(names.map((name) => readFile(path.join(folder, name), 'utf8')))).join('');
}
