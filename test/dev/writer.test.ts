import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import type { ClientConfig } from 'pg';
import { startCluster } from '../../dev/cluster.js';
import type { Cluster } from '../../dev/cluster.js';
import { fillSample } from '../../dev/sample.js';
import { runLargeTransaction, startWriter } from '../../dev/writer.js';

const TOTALS = `
  SELECT (SELECT sum(balance) FROM customer_account) + (SELECT sum(balance) FROM store_account) AS balances,
    (SELECT count(*)::integer FROM writer_log) AS logged,
    (SELECT count(*)::integer FROM stock_take) AS counted`;

describe('the writer', () => {
  let cluster: Cluster;
  let shop: ClientConfig;
  before(async () => {
    cluster = await startCluster({ major: 15, name: 'writer' });
    await query(cluster.connection(), 'CREATE DATABASE shop');
    shop = cluster.connection('shop');
    await fillSample(shop);
  });
  after(() => cluster.remove());

  it('keeps its rate and the sum of all balances, and logs every transaction', async () => {
    const [start] = await query(shop, TOTALS);
    const writer = startWriter({ connection: shop, rate: 200 });
    await sleep(2_000);
    const report = await writer.stop();
    const [end] = await query(shop, TOTALS);
    assert.deepEqual(report.errors, []);
    assert.ok(report.perSecond > 100 && report.perSecond < 220, `${report.perSecond} a second`);
    assert.equal(end?.['balances'], start?.['balances']);
    assert.equal(Number(end?.['logged']) - Number(start?.['logged']), report.committed);
  });

  it('goes on after the server was restarted and its sessions were ended', async () => {
    const writer = startWriter({ connection: shop, rate: 200 });
    await sleep(300);
    await cluster.stop();
    await sleep(300);
    await cluster.start();
    await sleep(1_500);
    await query(
      cluster.connection(),
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pgtrek writer'`,
    );
    const before = writer.report();
    await sleep(1_000);
    const report = await writer.stop();
    assert.ok(before.failed > 0, 'failures are counted');
    assert.ok(report.committed > before.committed + 20, `${before.committed}, then ${report.committed}`);
    assert.equal((await query(shop, TOTALS))[0]?.['balances'], '874704.00');
  });

  it('writes one large transaction that is open while something else happens', async () => {
    let seen: unknown;
    await runLargeTransaction(shop, {
      rows: 5_000,
      during: async () => {
        seen = (await query(shop, TOTALS))[0]?.['counted'];
      },
    });
    assert.equal(seen, 0);
    assert.equal((await query(shop, TOTALS))[0]?.['counted'], 5_000);
  });
});

async function query(connection: ClientConfig, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client(connection);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}
