import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startLoading } from '../load/loading.js';
import { assertFinding, findingsOf, startPair } from '../pair.js';
import type { Pair } from '../pair.js';

const id = 'source.partition_routing';

describe('hash partitions', () => {
  let pair: Pair;
  before(async () => {
    pair = await startPair({ source: { major: 15 }, target: { major: 18 } });
  });
  after(() => pair.remove());

  it('of an enum cannot be copied from one to the other', async () => {
    const states = Array.from({ length: 20 }, (_, i) => `'state ${String(i)}'`).join(', ');
    const parts = [0, 1, 2].map(
      (i) =>
        `CREATE TABLE orders_${String(i)} PARTITION OF orders FOR VALUES WITH (MODULUS 3, REMAINDER ${String(i)});`,
    );
    const sql = `CREATE TYPE state AS ENUM (${states}); CREATE TABLE orders (state state) PARTITION BY HASH (state);
      ${parts.join(' ')} INSERT INTO orders SELECT unnest(enum_range(NULL::state));`;
    const loading = await startLoading(pair, { sql });
    try {
      const validate = (method: 'stream' | 'dump') =>
        loading.databases.validate({ spec: { mode: 'full-load', load: { method } } });
      assertFinding(await validate('stream'), { id, verdict: 'block', remedy: /load\.method: dump/ });
      assert.deepEqual(findingsOf(await validate('dump'), id), []);
      await assert.rejects(loading.copyAll(), /violates partition constraint/);
    } finally {
      await loading.end();
    }
  });

  it('of text are other ones in another encoding', async () => {
    const databases = await pair.newDatabases({
      source: `TEMPLATE template0 ENCODING LATIN1 LC_COLLATE 'C' LC_CTYPE 'C'`,
    });
    await databases.run(
      'source',
      `CREATE TABLE names (name text PRIMARY KEY) PARTITION BY HASH (name);
       CREATE TABLE names_0 PARTITION OF names FOR VALUES WITH (MODULUS 1, REMAINDER 0);`,
    );
    assertFinding(await databases.validate(), { id, verdict: 'block', why: /target's encoding/ });
    assert.deepEqual(findingsOf(await databases.validate({ spec: { load: { method: 'native' } } }), id), []);
  });
});
