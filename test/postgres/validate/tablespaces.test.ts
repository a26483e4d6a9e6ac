import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startLoading } from '../load/loading.js';
import { assertFinding, startPair } from '../pair.js';
import type { Pair } from '../pair.js';

describe('tablespaces', () => {
  let pair: Pair;
  before(async () => {
    pair = await startPair({
      source: { major: 15, settings: { allow_in_place_tablespaces: 'on' } },
      target: { major: 18 },
    });
  });
  after(() => pair.remove());

  it('are left behind: what lies in one is told, and restored to the default', async () => {
    const databases = await pair.newDatabases();
    await databases.run('source', `CREATE TABLESPACE fast LOCATION ''`);
    const sql = `CREATE TABLE orders (id int PRIMARY KEY USING INDEX TABLESPACE fast) TABLESPACE fast; CREATE TABLE lines (id int PRIMARY KEY)`;
    const loading = await startLoading(pair, { sql });
    try {
      const finding = assertFinding(await loading.databases.validate(), {
        id: 'source.tablespaces',
        verdict: 'warn',
        scope: 'source.tablespace fast',
        why: /2 tables and indexes lie in tablespace fast.*public\.orders, public\.orders_pkey/,
      });
      assert.ok(finding.remedy);
      const restored = await loading.databases.run(
        'target',
        `SELECT relname AS name, reltablespace AS space FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1`,
      );
      assert.deepEqual(restored, [
        { name: 'lines', space: 0 },
        { name: 'orders', space: 0 },
      ]);
    } finally {
      await loading.end();
    }
  });
});
