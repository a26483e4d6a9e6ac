import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import type { LaneName } from '../../../contract/names.js';
import { waitUntil } from '../../../dev/wait-until.js';
import type { Job } from '../../../postgres/job.js';
import { makeSlot } from '../../../postgres/lane/make-slot.js';
import { subscribeLane } from '../../../postgres/lane/subscription.js';
import { setSequences } from '../../../postgres/stop/set-sequences.js';
import { startPair } from '../pair.js';
import type { Databases, Pair } from '../pair.js';
import { openBothWays } from './there-and-back.js';
import type { ThereAndBack } from './there-and-back.js';

const TABLES = `
  CREATE TABLE account (id serial PRIMARY KEY, n int NOT NULL DEFAULT 0, note text);
  CREATE TABLE event (id int, day int, note text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
  CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM (0) TO (10);
  CREATE TABLE event_2 PARTITION OF event FOR VALUES FROM (10) TO (20);
  CREATE TABLE whole (a int, b text);
  ALTER TABLE whole REPLICA IDENTITY FULL`;

/** More than logical_decoding_work_mem holds: it is streamed while it is open, on 14 and newer. */
const LARGE = (note: string) => `INSERT INTO account (note) SELECT '${note}' FROM generate_series(1, 5000)`;

describe('there and back', () => {
  let pair: Pair;
  before(async () => {
    const settings = { wal_level: 'logical', logical_decoding_work_mem: '64kB' };
    pair = await startPair({ source: { major: 15, settings }, target: { major: 18, settings } });
  });
  after(() => pair.remove());

  for (const exchanged of [false, true]) {
    const direction = exchanged ? 'from 18 to 15' : 'from 15 to 18';
    it(`brings what is written on the new primary, and nothing that came from the old one, ${direction}`, async () => {
      const ways = await openBothWays(pair, { tables: TABLES, exchanged });
      const { run, there, back, again } = ways;
      await run('target', 'CREATE SCHEMA other; CREATE TABLE other.elsewhere (id int PRIMARY KEY)');
      const first = await ways.prepare(there, 1);
      await subscribeLane(there, first);
      const writing = startWriting(ways.databases);
      await run('source', LARGE('there'));
      const second = await ways.prepare(back, 2);
      assert.deepEqual(await published(ways, 'target', second), ['account', 'event', 'whole']);
      await run('source', LARGE('there too'));
      await writing.end();
      await ways.stop(there, first, second);
      await ways.assertEqual();
      await setSequences(there);
      await ways.forbidWrites('source');

      await run('target', LARGE('back'));
      await writeSome(ways, 'target', 1);
      const applied = await countApplied(ways, 'source');
      await subscribeLane(back, second);
      await writeSome(ways, 'target', 2);
      await caughtUp(ways, 'source', 2);
      // Apply commits asynchronously: the last of it is decoded a moment later.
      await waitUntil(async () => (await applied.count()) >= 5_000 + 2 * SOME, { deadlineMs: 10_000 });
      assert.equal(await applied.count(), 5_000 + 2 * SOME, 'and only that');
      await applied.end();
      await ways.assertEqual();
      assert.deepEqual(await originOf(ways, 'source', second), exchanged ? 'none' : 'any');

      const figures = await ways.watch(back, second);
      assert.equal(figures.drift, undefined);
      assert.ok((figures.lagMs ?? Infinity) < 5_000);
      assert.equal(figures.lanes[0]?.errors.apply ?? '0', '0');
      await run('target', 'CREATE INDEX account_note ON account (note)');
      assert.deepEqual(
        (await ways.watch(back, second)).drift?.changes.map(({ kind }) => kind),
        ['index-added'],
      );
      await run('target', 'DROP INDEX account_note');

      // A rollback: prepared before the fence, under writes.
      await ways.close(there, first);
      const third = await ways.prepare(again, 3);
      assert.deepEqual(await published(ways, 'source', third), ['account', 'event', 'whole']);
      await run('target', `SELECT setval('account_id_seq', 123456)`);
      await run('target', LARGE('last'));
      await writeSome(ways, 'target', 3);
      await ways.stop(back, second, third);
      await ways.assertEqual();
      assert.deepEqual(await setSequences(back), { sequences: 1 });
      assert.deepEqual(await run('source', 'SELECT last_value::int AS n FROM account_id_seq'), [
        { n: 128457 },
      ]);
      await run('target', `INSERT INTO event VALUES (-1, 1, 'behind the marker')`);
      await ways.forbidWrites('target');
      await ways.allowWrites('source');
      await run('source', LARGE('there again'));
      await subscribeLane(again, third);
      await writeSome(ways, 'source', 4);
      await caughtUp(ways, 'target', 4);
      assert.deepEqual(await run('source', 'SELECT FROM event WHERE id = -1'), []);
      await run('target', 'BEGIN READ WRITE; DELETE FROM event WHERE id = -1; COMMIT');
      await ways.assertEqual();
      assert.equal((await ways.watch(again, third)).drift, undefined);
      const notes = await ways.end();
      assert.match(notes.join(), /^Database test_\d of the target stays read-only/);
    });
  }

  it('goes by as many lanes as the way there, and is prepared anew after an attempt that was undone', async () => {
    const ways = await openBothWays(pair, {
      tables: 'CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY)',
      spec: { cdc: { lanes: 2 } },
    });
    const { there, back, run } = ways;
    const prepare = async (job: Job, ...numbers: number[]) => {
      const lanes: LaneName[] = [];
      for (const n of numbers) lanes.push(await ways.prepare(job, n));
      return lanes;
    };
    const listed = async (end: 'source' | 'target', lanes: LaneName[]) => {
      const lists = await Promise.all(lanes.map((lane) => published(ways, end, lane)));
      return lists.flat().sort();
    };
    const first = await prepare(there, 1, 2);
    for (const lane of first) await subscribeLane(there, lane);
    const undone = await prepare(back, 3, 4);
    assert.deepEqual(await listed('target', undone), ['a', 'b']);
    for (const lane of undone) await ways.close(back, lane);
    await run('target', 'DROP TABLE b; CREATE TABLE b (id int PRIMARY KEY)');
    const lanes = await prepare(back, 5, 6);
    assert.deepEqual(await listed('target', lanes), ['a', 'b']);
    const [lane] = lanes;
    assert.ok(lane);
    const slot = () =>
      run('target', `SELECT restart_lsn FROM pg_replication_slots WHERE slot_name = '${lane}'`);
    const before = await slot();
    await makeSlot(back, lane);
    assert.deepEqual(await slot(), before, 'a late attempt leaves it where it is');
    assert.equal((await ways.watch(there, first[0] ?? lane)).drift, undefined);
    await ways.end();
  });
});

/** Changes of rows that one call of writeSome makes: a row that moves to another partition is two. */
const SOME = 7;

/** Through every table; `n` is told by the last row. */
async function writeSome({ run }: ThereAndBack, end: 'source' | 'target', n: number): Promise<void> {
  await run(
    end,
    `BEGIN READ WRITE; INSERT INTO event VALUES (${n}, 1, 'a'), (${n}, 11, 'b'); UPDATE event SET day = 12 WHERE id = ${n} AND day = 1;
     INSERT INTO whole VALUES (${n}, 'x'); UPDATE whole SET b = 'y' WHERE a = ${n}; COMMIT`,
  );
  await run(end, `BEGIN READ WRITE; INSERT INTO account (note) VALUES ('written ${n}'); COMMIT`);
}

async function caughtUp({ run }: ThereAndBack, end: 'source' | 'target', n: number): Promise<void> {
  const arrived = await waitUntil(
    async () => (await run(end, `SELECT FROM account WHERE note = 'written ${n}'`)).length > 0,
    { deadlineMs: 20_000 },
  );
  assert.ok(arrived, 'in time');
}

/** Transactions of several kinds, one after the other. */
function startWriting({ servers }: Databases): { end: () => Promise<void> } {
  const { host, port, database, user, password = '' } = servers.source;
  let goesOn = true;
  const written = (async () => {
    const client = new pg.Client({ host, port, database, user, password });
    await client.connect();
    for (let n = 1; goesOn; n += 1) {
      await client.query(`INSERT INTO account (n) VALUES (${n})`);
      await client.query(`UPDATE account SET n = -n WHERE n = ${n}`);
      await client.query(`INSERT INTO event VALUES (${1000 + n}, ${n % 20}, 'e')`);
    }
    await client.end();
  })();
  return {
    end: () => {
      goesOn = false;
      return written;
    },
  };
}

async function published({ run }: ThereAndBack, end: 'source' | 'target', lane: LaneName) {
  const rows = await run(
    end,
    `SELECT tablename::text AS name FROM pg_publication_tables WHERE pubname = '${lane}' AND schemaname = 'public' ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

async function originOf({ run }: ThereAndBack, end: 'source' | 'target', lane: LaneName) {
  const [row] = await run(
    end,
    `SELECT coalesce(to_jsonb(s)->>'suborigin', 'any') AS origin FROM pg_subscription s WHERE subname = '${lane}'`,
  );
  return row?.['origin'];
}

/** What is changed in tables of the test from here on, as a slot of another plugin tells it. */
async function countApplied({ run, databases }: ThereAndBack, end: 'source' | 'target') {
  const slot = `oracle_${databases.name}`;
  await run(end, `SELECT pg_create_logical_replication_slot('${slot}', 'test_decoding')`);
  return {
    count: async () => {
      const rows = await run(end, `SELECT data FROM pg_logical_slot_peek_changes('${slot}', NULL, NULL)`);
      return rows.map(({ data }) => String(data)).filter((line) => line.startsWith('table public.')).length;
    },
    end: () => run(end, `SELECT pg_drop_replication_slot('${slot}')`),
  };
}
