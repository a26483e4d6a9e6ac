import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Client } from 'pg';
import type { ClientConfig } from 'pg';
import { startCluster } from '../../dev/cluster.js';
import type { Cluster } from '../../dev/cluster.js';
import { compareDatabases } from '../../dev/oracle.js';
import { fillSample } from '../../dev/sample.js';

const COUNT_OBJECTS = `
  SELECT
    count(*) FILTER (WHERE relkind IN ('r', 'p') AND NOT relispartition)::integer AS tables,
    count(*) FILTER (WHERE relkind = 'r' AND relispartition)::integer AS leaves,
    count(*) FILTER (WHERE relkind = 'v')::integer AS views,
    count(*) FILTER (WHERE relkind = 'm')::integer AS "materialised views",
    count(*) FILTER (WHERE relkind = 'S')::integer AS sequences,
    (SELECT count(*)::integer FROM pg_proc WHERE pronamespace = 'public'::regnamespace) AS functions,
    (SELECT count(*)::integer FROM pg_type WHERE typtype = 'd' AND typnamespace = 'public'::regnamespace) AS domains,
    (SELECT count(*)::integer FROM pg_trigger WHERE NOT tgisinternal) AS triggers
  FROM pg_class WHERE relnamespace IN ('public'::regnamespace, '"Back Office"'::regnamespace)`;

// A table without one would refuse updates as soon as it is published.
const WITHOUT_REPLICA_IDENTITY = `
  SELECT c.oid::regclass::text AS name FROM pg_class AS c
  WHERE c.relkind IN ('r', 'p') AND c.relnamespace IN ('public'::regnamespace, '"Back Office"'::regnamespace)
    AND relreplident <> 'f'
    AND NOT EXISTS (
      SELECT FROM pg_index WHERE indrelid = c.oid AND (indisreplident OR (indisprimary AND relreplident = 'd'))
    )`;

const AT_LEAST: Record<string, number> = {
  tables: 15,
  leaves: 8,
  views: 7,
  'materialised views': 1,
  sequences: 13,
  functions: 8,
  domains: 1,
  triggers: 1,
};

for (const major of [15, 18]) {
  describe(`the sample on PostgreSQL ${major}`, () => {
    let cluster: Cluster;
    before(async () => {
      cluster = await startCluster({ major, name: 'sample' });
      for (const name of ['one', 'again', 'triple'])
        await query(cluster.connection(), `CREATE DATABASE ${name}`);
      await fillSample(cluster.connection('one'));
    });
    after(() => cluster.remove());

    it('has all that the seed’s database has, and more', async () => {
      const [counts = {}] = await query(cluster.connection('one'), COUNT_OBJECTS);
      for (const [what, least] of Object.entries(AT_LEAST)) {
        assert.ok(Number(counts[what]) >= least, `${what}: ${String(counts[what])}, wanted ${least}`);
      }
    });

    it('gives every table, root and leaf a replica identity', async () => {
      assert.deepEqual(await query(cluster.connection('one'), WITHOUT_REPLICA_IDENTITY), []);
    });

    it('has the same rows and sequences every time', async () => {
      await fillSample(cluster.connection('again'));
      const compared = await compareDatabases(cluster.connection('one'), cluster.connection('again'), {
        sequences: true,
      });
      assert.deepEqual(compared.problems, []);
      assert.ok(compared.rows > 20_000 && compared.tables > 30);
    });

    it('multiplies the big tables by its factor', async () => {
      await fillSample(cluster.connection('triple'), { factor: 3 });
      for (const table of ['customer', 'inventory', 'rental', 'payment', 'shop_event']) {
        const sql = `SELECT count(*)::integer AS rows FROM ${table}`;
        const [[one], [triple]] = await Promise.all([
          query(cluster.connection('one'), sql),
          query(cluster.connection('triple'), sql),
        ]);
        assert.equal(triple?.['rows'], 3 * Number(one?.['rows']), table);
      }
    });
  });
}

async function query(connection: ClientConfig, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client(connection);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}
