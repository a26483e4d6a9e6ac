import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import type { ClientConfig } from 'pg';
import { startCluster } from '../../dev/cluster.js';
import type { Cluster } from '../../dev/cluster.js';
import { createOracle } from '../../dev/oracle.js';
import type { Oracle, OracleReport } from '../../dev/oracle.js';
import { fillSample } from '../../dev/sample.js';
import { runLargeTransaction, startWriter } from '../../dev/writer.js';

const JOURNAL = `
  CREATE SCHEMA pgtrek;
  CREATE TABLE pgtrek.pgtrek_test_1 (id text PRIMARY KEY, kind text, owner text, lanes text[], payload jsonb, at timestamptz)`;

// What the writer does not do: the rest of what a decoded change can look like.
const QUIRKS = [
  `UPDATE "Back Office"."to.do 📼" SET "select" = "select" + 1000, "due.date" = NULL WHERE "select" % 2 = 0`,
  `UPDATE price_history SET note = 'one of two equal rows' WHERE ctid = (SELECT max(ctid) FROM price_history WHERE film_id = 61)`,
  `DELETE FROM price_history WHERE ctid = (SELECT min(ctid) FROM price_history WHERE film_id = 61)`,
  `UPDATE sensor_reading SET label = label || '!', celsius = 'NaN', span = -span WHERE reading_id IN (1, 2, 5)`,
  `INSERT INTO sensor_reading (reading_id, flags, spot, raw) VALUES (90, B'011', '(1,2)', '\\x5c27')`,
  `UPDATE supplier SET city = E'line\\nbreak \\\\ ''quote''' WHERE supplier_id = 7`,
  `BEGIN; UPDATE campaign SET place = 13 - place; UPDATE campaign SET name = 'swapped'; COMMIT`,
  `BEGIN; INSERT INTO stock_take SELECT -1, i FROM generate_series(1, 2000) i; SAVEPOINT s;
    DELETE FROM stock_take WHERE batch = -1; ROLLBACK TO s; DELETE FROM stock_take WHERE line > 1500; COMMIT`,
  'TRUNCATE payment_2025_06 CASCADE',
  'REFRESH MATERIALIZED VIEW CONCURRENTLY film_popularity',
];

describe('the oracle', () => {
  let cluster: Cluster;
  let oracle: Oracle;
  before(async () => {
    cluster = await startCluster({ major: 15, name: 'oracle' });
    await query(cluster.connection(), 'CREATE DATABASE shop');
    const shop = cluster.connection('shop');
    await fillSample(shop);
    oracle = await createOracle({ source: shop });
    await query(shop, JOURNAL);
    await write();
    await runLargeTransaction(shop, { rows: 3_000 });
    for (const quirk of QUIRKS) await query(shop, quirk);
    await putMarker('first');
    await query(cluster.connection(), 'CREATE DATABASE target TEMPLATE shop');
    await write();
  });
  after(() => cluster.remove());

  it('calls a target exact that was copied at the marker, while the source went on', async () => {
    const report = await verify('target');
    assert.deepEqual(report.problems, []);
    assert.equal(report.exact, true);
    assert.ok(report.commitsUpToMarker > 500, `${report.commitsUpToMarker} commits`);
    assert.ok(report.commitsAfterMarker > 400, `${report.commitsAfterMarker} commits`);
    assert.ok(report.rowsCompared > 20_000 && report.tablesCompared > 30);
  });

  const damages: [what: string, sql: string, problem: RegExp][] = [
    [
      'a row is missing',
      `DELETE FROM inventory WHERE inventory_id = 4400`,
      /"inventory" differs: .* missing: \(4400\)/,
    ],
    [
      'a row is extra',
      `INSERT INTO wish_list VALUES (1, 999999)`,
      /"wish_list" differs: .* extra: \(1,999999\)/,
    ],
    [
      'an equal row is there twice',
      `INSERT INTO price_history SELECT * FROM price_history LIMIT 1`,
      /"price_history" differs: .* extra: /,
    ],
    [
      'a value differs',
      `UPDATE film SET title = 'x' WHERE film_id = 5`,
      /"film" differs: .* different: \(5\); \(5\): title is 'x' instead of 'Crimson /,
    ],
    [
      'a NULL is an empty text',
      `UPDATE category SET shelf = 0 WHERE shelf IS NULL`,
      /shelf is '0' instead of NULL/,
    ],
    [
      'a row is in another leaf',
      `UPDATE payment SET paid_at = paid_at + interval '1 month' WHERE payment_id = 2`,
      /"payment_2025_01" differs: .* missing/,
    ],
    [
      'a large value differs',
      `UPDATE film_review SET body = body || '.' WHERE review_id = 149`,
      /"film_review" differs: .* body is/,
    ],
    [
      'a table is missing',
      `DROP TABLE "Back Office"."Staff Notes" CASCADE`,
      /"Staff Notes": the table is missing/,
    ],
    [
      'a transaction is missing',
      `DELETE FROM writer_log WHERE id = 7`,
      /writer_log: 1 transactions committed before the marker, but missing: 7/,
    ],
    [
      'a transaction is too much',
      `INSERT INTO writer_log (worker) VALUES (1)`,
      /writer_log: 1 transactions on the target, but not committed/,
    ],
    [
      'half of a transaction is missing',
      `UPDATE store_account SET balance = balance - 1 WHERE store_id = 1`,
      /the sum of all balances is 874703.00 instead of 874704.00/,
    ],
  ];
  for (const [index, [what, sql, problem]] of damages.entries()) {
    it(`finds that ${what}`, async () => {
      const name = `damaged_${index}`;
      await query(cluster.connection(), `CREATE DATABASE ${name} TEMPLATE target`);
      await query(cluster.connection(name), `SET session_replication_role = replica; ${sql}`);
      const report = await verify(name);
      assert.equal(report.exact, false);
      assert.match(report.problems.join('\n'), problem);
    });
  }

  it('calls a target wrong that went past the marker', async () => {
    await query(cluster.connection(), 'CREATE DATABASE late TEMPLATE shop');
    const report = await verify('late');
    assert.equal(report.exact, false);
    assert.match(
      report.problems.join('\n'),
      /writer_log: \d+ transactions on the target, but not committed before/,
    );
  });

  it('says when a marker was never committed', async () => {
    const report = await verify('target', 'other');
    assert.equal(report.exact, false);
    assert.match(report.problems.join('\n'), /marker other was not committed in pgtrek.pgtrek_test_1/);
  });

  it('goes on to a later marker, and a source that crashed counts nothing twice', async () => {
    await cluster.stop('immediate');
    await cluster.start();
    await putMarker('second');
    await query(cluster.connection(), 'CREATE DATABASE later TEMPLATE shop');
    const report = await verify('later', 'second');
    assert.deepEqual(report.problems, []);
    assert.equal(report.commitsAfterMarker, 0);
    assert.equal((await verify('target', 'second')).exact, false);
  });

  it('says when it cannot know a table, as that was made after the baseline', async () => {
    await query(cluster.connection('shop'), 'CREATE TABLE made_later AS SELECT 1 AS id');
    await putMarker('third');
    const report = await verify('later', 'third');
    assert.equal(report.exact, false);
    assert.match(report.problems.join('\n'), /"made_later" did not exist when the baseline was made/);
  });

  it('leaves neither slot nor database behind', async () => {
    await oracle.drop();
    await oracle.drop();
    const left = await query(
      cluster.connection(),
      `SELECT slot_name FROM pg_replication_slots UNION ALL SELECT datname FROM pg_database WHERE datname LIKE '%_oracle'`,
    );
    assert.deepEqual(left, []);
  });

  function verify(target: string, id = 'first'): Promise<OracleReport> {
    return oracle.verify({ target: cluster.connection(target), marker: { lane: 'pgtrek_test_1', id } });
  }

  async function write(): Promise<void> {
    const writer = startWriter({ connection: cluster.connection('shop'), rate: 400 });
    await sleep(1_500);
    const { failed, errors } = await writer.stop();
    assert.equal(failed, 0, errors.join());
  }

  async function putMarker(id: string): Promise<void> {
    await query(
      cluster.connection('shop'),
      `INSERT INTO pgtrek.pgtrek_test_1 (id, kind) VALUES ('${id}', 'marker')`,
    );
  }
});

async function query(connection: ClientConfig, sql: string): Promise<unknown[]> {
  const client = new Client(connection);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}
