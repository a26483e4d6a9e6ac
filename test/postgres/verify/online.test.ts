import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import pg from 'pg';
import { laneName } from '../../../contract/names.js';
import type { Cluster } from '../../../dev/cluster.js';
import { withTarget } from '../../../postgres/job.js';
import { enterTables } from '../../../postgres/lane/enter-tables.js';
import { makeSlot } from '../../../postgres/lane/make-slot.js';
import { publishLane } from '../../../postgres/lane/publication.js';
import { dropSubscription, subscribeLane } from '../../../postgres/lane/subscription.js';
import { verifyContent } from '../../../postgres/verify/verify-content.js';
import { waitUntil } from '../../../postgres/wait-until.js';
import { startPair } from '../pair.js';
import type { Pair } from '../pair.js';
import { startVerifying } from './verifying.js';
import type { Verifying } from './verifying.js';

const ROWS = 6_000;
const SQL = `
  CREATE TABLE account (id int PRIMARY KEY, n int NOT NULL DEFAULT 0, t text);
  CREATE TABLE word (code text PRIMARY KEY, n int);
  CREATE TABLE history (n int, at timestamptz);
  ALTER TABLE history REPLICA IDENTITY FULL;
`;
const FILL_SQL = `
  INSERT INTO account SELECT n, 0, repeat('t', 50) FROM generate_series(1, ${String(ROWS)}) n;
  INSERT INTO word SELECT 'w' || n, 0 FROM generate_series(1, 3000) n;
  INSERT INTO history SELECT n, now() FROM generate_series(1, 3000) n;
  ANALYZE`;

describe('a comparison while changes flow', () => {
  let pair: Pair;
  const ends: (() => Promise<void>)[] = [];
  before(async () => {
    pair = await startPair({
      source: { major: 15, settings: { wal_level: 'logical' } },
      target: { major: 18 },
    });
  });
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });
  after(() => pair.remove());

  /** The same tables on both ends, and a subscription that follows. */
  async function follow(): Promise<Verifying> {
    const verifying = await startVerifying(pair, { sql: SQL, spec: { verify: { chunkSize: '256kB' } } });
    const { name, run } = verifying.databases;
    const { host, port, user, password } = pair.source.connection(name);
    await run('source', `${FILL_SQL}; CREATE PUBLICATION p FOR TABLE account, word, history`);
    await run(
      'target',
      `CREATE SUBSCRIPTION ${name} CONNECTION 'host=${host} port=${String(port)} dbname=${name} user=${user} password=${password}' PUBLICATION p WITH (streaming = on)`,
    );
    ends.push(async () => {
      await run('target', `DROP SUBSCRIPTION ${name}`);
    });
    const synced = await waitUntil({ seconds: 60 }, async () => {
      const left = await run('target', `SELECT FROM pg_subscription_rel WHERE srsubstate <> 'r'`);
      return left.length === 0;
    });
    assert.ok(synced, 'the subscription has copied all tables');
    return verifying;
  }

  function write(cluster: Cluster, name: string): void {
    ends.push(startWriting(cluster, name));
  }

  it('takes nothing for a difference that is on its way, under constant writes', async () => {
    const { verify, databases } = await follow();
    write(pair.source, databases.name);
    const found = await verify({ kind: 'online' });
    assert.deepEqual([found.differences, found.differing, found.notCompared], [[], [], []]);
    assert.equal(found.equal, true);
  });

  it('finds what truly differs under constant writes', async () => {
    const { verify, databases } = await follow();
    await databases.run(
      'target',
      `UPDATE account SET t = 'other' WHERE id = 4711; DELETE FROM account WHERE id = 3; INSERT INTO account VALUES (-1, 0, 'more');
       UPDATE word SET n = -1 WHERE code = 'w77'; INSERT INTO history VALUES (-1, now())`,
    );
    write(pair.source, databases.name);
    const found = await verify({ kind: 'online' });
    assert.deepEqual(found.differences, [
      { table: 'public.account', key: 'id = -1', kind: 'extra' },
      { table: 'public.account', key: 'id = 3', kind: 'missing' },
      { table: 'public.account', key: 'id = 4711', kind: 'different' },
      { table: 'public.word', key: "code = 'w77'", kind: 'different' },
    ]);
    assert.deepEqual(
      found.differing.map(({ table }) => table),
      ['public.account', 'public.history', 'public.word'],
    );
    assert.deepEqual(found.notCompared, []);
  });

  it('passes by the heartbeats of lanes', async () => {
    const { databases, job } = await startVerifying(pair, {
      sql: SQL.replace(/ALTER TABLE .*;/, ''),
      spec: { mode: 'cdc', select: { exclude: ['history'] } },
    });
    const lane = laneName(job.name, 1);
    await databases.run('source', FILL_SQL);
    await databases.run('target', FILL_SQL);
    await enterTables(job);
    await publishLane(job, lane);
    await makeSlot(job, lane);
    await subscribeLane(job, lane);
    ends.push(() => withTarget(job, 'test', (target) => dropSubscription(target, lane)));
    await databases.run('target', `UPDATE word SET n = -1 WHERE code = 'w77'`);
    write(pair.source, databases.name);
    const tags: string[] = [];
    const servers = { ...job.servers, observer: (_: string, tag: string) => void tags.push(tag) };
    const found = await verifyContent(
      { ...job, servers },
      { kind: 'online', lanes: [lane], onStep: () => undefined },
    );
    assert.deepEqual(found.differences, [{ table: 'public.word', key: "code = 'w77'", kind: 'different' }]);
    assert.deepEqual([found.notCompared, found.schema], [[], []]);
    assert.ok(tags.includes('heartbeat'));
  });

  it('waits for a target that is behind', async () => {
    const { verify, databases } = await follow();
    await databases.run('target', `ALTER SUBSCRIPTION ${databases.name} DISABLE`);
    await databases.run(
      'source',
      'UPDATE account SET n = n + 1; INSERT INTO history SELECT n, now() FROM generate_series(1, 500) n',
    );
    await databases.run('target', 'BEGIN; LOCK TABLE account IN SHARE MODE; COMMIT');
    const found = verify({ kind: 'online' });
    await databases.run('target', `ALTER SUBSCRIPTION ${databases.name} ENABLE`);
    const { differing, equal } = await found;
    assert.deepEqual(differing, []);
    assert.equal(equal, true);
  });
});

/** Rows that it leaves alone: those that tests damage. A few are written again and again. */
const WRITE_SQL = `
  DO $$ DECLARE k int; BEGIN
    FOR i IN 1..20 LOOP
      k := 100 + floor(random() * 4000);
      UPDATE account SET n = n + 1 WHERE id = k;
      UPDATE account SET n = n + 1, t = 't' || i WHERE id = 50;
      UPDATE word SET n = n + 1 WHERE code = 'w' || k % 2000 + 500;
      INSERT INTO history VALUES (k, clock_timestamp());
      DELETE FROM account WHERE id = 5000 + k % 500;
      INSERT INTO account VALUES (5000 + k % 500, 0, 'again') ON CONFLICT DO NOTHING;
      COMMIT;
      PERFORM pg_sleep(0.005);
    END LOOP;
  END $$`;

function startWriting(cluster: Cluster, database: string): () => Promise<void> {
  let isOver = false;
  const run = async () => {
    const client = new pg.Client(cluster.connection(database));
    await client.connect();
    while (!isOver) await client.query(WRITE_SQL);
    await client.end();
  };
  const running = run();
  return async () => {
    isOver = true;
    await running;
  };
}
