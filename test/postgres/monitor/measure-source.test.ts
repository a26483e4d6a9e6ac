import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import type { LaneName } from '../../../contract/names.js';
import { parseSpec } from '../../../contract/spec.js';
import type { LaneFigures, MonitorFigures } from '../../../contract/state.js';
import { withSource } from '../../../postgres/job.js';
import type { Job } from '../../../postgres/job.js';
import { giveSlotUp } from '../../../postgres/lane/give-slot-up.js';
import { measureSource } from '../../../postgres/monitor/measure-source.js';
import { watchBeside } from '../../../postgres/monitor/watch-beside.js';
import { startPair } from '../pair.js';
import type { Databases, Pair } from '../pair.js';

const LANES = ['pgtrek_orders_1', 'pgtrek_orders_2'] as LaneName[];
const [FIRST, SECOND] = LANES as [LaneName, LaneName];

for (const major of [15, 18]) {
  describe(`what slots hold back on ${String(major)}`, () => {
    let pair: Pair;
    let databases: Databases;
    let other: Databases;
    let job: Job;

    before(async () => {
      pair = await startPair({
        source: {
          major,
          settings: { max_prepared_transactions: '2', max_wal_size: '64MB', max_slot_wal_keep_size: '96MB' },
        },
        target: { major: 18 },
      });
      databases = await pair.newDatabases();
      // A new database is much WAL itself.
      other = await pair.newDatabases();
      job = jobFor(databases);
      for (const lane of LANES) await makeSlot(lane);
    });
    after(() => pair.remove());

    const makeSlot = (lane: LaneName) =>
      databases.run('source', `SELECT pg_create_logical_replication_slot('${lane}', 'pgoutput')`);
    const dropSlot = (lane: LaneName) =>
      databases.run('source', `SELECT pg_drop_replication_slot('${lane}')`);
    const writeWal = (megabytes: number) =>
      databases.run(
        'source',
        `SELECT pg_logical_emit_message(false, 'test', repeat('x', 1024 * 1024))
         FROM generate_series(1, ${String(megabytes)})`,
      );
    const measure = (lanes = LANES): Promise<MonitorFigures> =>
      withSource(job, 'test', (source) => measureSource(job, lanes, source));
    const figuresOf = ({ lanes }: MonitorFigures, lane: LaneName): LaneFigures => {
      const found = lanes.find((each) => each.lane === lane);
      assert.ok(found);
      return found;
    };

    it('is the worst of all lanes, as slots share WAL', async () => {
      await writeWal(8);
      await dropSlot(SECOND);
      await makeSlot(SECOND);
      const figures = await measure();
      const [first, second] = LANES.map((lane) => figuresOf(figures, lane).retainedBytes);
      assert.ok(
        Number(first) > 8 * 1024 ** 2 && Number(second) < 1024 ** 2,
        `${String(first)}, ${String(second)}`,
      );
      assert.equal(figures.retainedBytes, first);
      assert.equal(figures.walBudget, String(40 * 1024 ** 2));
      assert.equal(figures.openTransactions, undefined);
      assert.equal(figuresOf(figures, FIRST).slotOnly, true);
      assert.equal(figuresOf(figures, FIRST).inactiveSince !== undefined, major >= 17);
      // A heartbeat and a result are JSON.
      assert.deepEqual(JSON.parse(JSON.stringify(figures)), figures);
    });

    it('names the transactions that no slot can pass, of every database and without their text', async () => {
      await other.run('source', 'CREATE TABLE t (id int)');
      const writer = new pg.Client({
        ...pair.source.connection(other.name),
        application_name: 'nightly job',
      });
      const reader = new pg.Client(pair.source.connection(other.name));
      await Promise.all([writer.connect(), reader.connect()]);
      try {
        await writer.query(`BEGIN; INSERT INTO t VALUES (1)`);
        await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM t');
        await other.run('source', `BEGIN; INSERT INTO t VALUES (2); PREPARE TRANSACTION 'two'`);
        const { openTransactions: open = [] } = await measure();
        assert.deepEqual(
          open.map(({ seconds, pid, ...rest }) => ({
            ...rest,
            counted: seconds >= 0,
            backend: pid !== undefined,
          })),
          [
            {
              user: 'postgres',
              database: other.name,
              application: 'nightly job',
              state: 'idle in transaction',
              counted: true,
              backend: true,
            },
            {
              gid: 'two',
              user: 'postgres',
              database: other.name,
              state: 'prepared',
              counted: true,
              backend: false,
            },
          ],
        );
        assert.doesNotMatch(JSON.stringify(open), /INSERT/);
      } finally {
        await other.run('source', `ROLLBACK PREPARED 'two'`);
        await Promise.all([writer.end(), reader.end()]);
      }
    });

    it('is seen within a round, also while the target is away', async () => {
      await writeWal(27);
      const away: Job = {
        ...job,
        servers: { ...job.servers, target: { ...job.servers.target, port: 1 } },
      };
      for (const how of [
        { job, lanes: [], idle: LANES },
        { job: away, lanes: LANES, idle: [] },
      ]) {
        const seen = await watchBeside(how.job, {
          ...how,
          knownAlerts: [],
          seconds: 60,
          every: 50,
          onFigures: () => undefined,
        });
        assert.deepEqual(
          seen.alerts?.map(({ id }) => id),
          ['wal-80'],
        );
      }
    });

    it('is freed by dropping one slot, once, while somebody reads from it, and only when it is too much', async () => {
      assert.equal((await giveSlotUp(job, FIRST)).dropped, false);
      await writeWal(10);
      const reader = new pg.Client({
        ...pair.source.connection(databases.name),
        replication: 'database',
      } as pg.ClientConfig);
      reader.on('error', () => undefined);
      await reader.connect();
      await databases.run('source', 'CREATE PUBLICATION p');
      const read = reader
        .query(`START_REPLICATION SLOT ${FIRST} LOGICAL 0/0 (proto_version '1', publication_names 'p')`)
        .catch(() => undefined);
      const given = await giveSlotUp(job, FIRST);
      assert.ok(given.dropped && Number(given.retainedBytes) > 40 * 1024 ** 2, JSON.stringify(given));
      assert.deepEqual(await giveSlotUp(job, FIRST), { dropped: true, retainedBytes: '0' });
      assert.equal(figuresOf(await measure(), FIRST).walStatus, null);
      await Promise.race([read, reader.end()]);
    });

    it('is told of a slot that the source is about to invalidate, and has invalidated', async () => {
      await dropSlot(SECOND);
      await makeSlot(SECOND);
      const before = figuresOf(await measure(), SECOND);
      assert.ok(Number(before.safeWalSize) > 0, JSON.stringify(before));
      await writeWal(120);
      await databases.run('source', 'CHECKPOINT');
      const after = figuresOf(await measure(), SECOND);
      assert.deepEqual([after.walStatus, after.retainedBytes], ['lost', '0']);
      assert.equal(after.invalidationReason, major >= 17 ? 'wal_removed' : undefined);
      const watched = { lanes: [], idle: [SECOND], knownAlerts: [], seconds: 60, every: 50 };
      const seen = await watchBeside(job, { ...watched, onFigures: () => undefined });
      assert.equal(figuresOf(seen, SECOND).walStatus, 'lost');
    });
  });
}

function jobFor({ servers }: Databases): Job {
  return {
    name: 'orders',
    owner: 'owner',
    spec: parseSpec({
      name: 'orders',
      source: { host: 'a', database: 'a', user: 'a' },
      target: { host: 'b', database: 'b', user: 'b' },
      cdc: { walBudget: '40MB' },
    }),
    servers,
    dataDir: '/nowhere',
  };
}
