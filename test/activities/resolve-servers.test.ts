import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { resolveServers } from '../../activities/resolve-servers.js';
import { reversedSpec } from '../../contract/reversed.js';
import { parseSpec } from '../../contract/spec.js';

const resolveSecret = (reference: object) => Promise.resolve(`secret of ${JSON.stringify(reference)}`);

const SPEC = parseSpec({
  name: 'orders',
  source: { host: 'a', database: 'orders', user: 'mover', password: { env: 'A' } },
  target: {
    host: 'b',
    database: 'shop',
    user: 'master',
    password: { env: 'B' },
    tls: { mode: 'verify-full', rootCert: '/on/the/worker.pem' },
    replication: { host: 'b.internal', user: 'sender', password: { env: 'SENDER' } },
  },
  cutover: { reverse: true },
});

describe('the servers of a spec', () => {
  it('on the way back are exchanged, and the source server reaches the target by target.replication', async () => {
    const secrets: string[] = [];
    const { source, target, replication } = await resolveServers(
      { resolveSecret },
      reversedSpec(SPEC),
      secrets,
    );
    assert.deepEqual([source.end, source.host, source.database], ['source', 'b', 'shop']);
    assert.deepEqual([target.end, target.host, target.database], ['target', 'a', 'orders']);
    assert.deepEqual(replication, {
      host: 'b.internal',
      port: 5432,
      database: 'shop',
      user: 'sender',
      password: 'secret of {"env":"SENDER"}',
      tls: { mode: 'verify-full' },
    });
    assert.ok(secrets.includes('secret of {"env":"SENDER"}'), 'it is blotted out of what is thrown');
    const there = await resolveServers({ resolveSecret }, SPEC, []);
    assert.deepEqual(there.back, replication, 'validate tries that way');
    const without = await resolveServers({ resolveSecret }, { ...SPEC, mode: 'full-load' }, []);
    assert.equal(without.back, undefined);
  });
});
