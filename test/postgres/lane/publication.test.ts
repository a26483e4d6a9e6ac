import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { laneName } from '../../../contract/names.js';
import type { LaneName } from '../../../contract/names.js';
import type { SpecInput } from '../../../contract/spec.js';
import { withTarget } from '../../../postgres/job.js';
import { publishLane } from '../../../postgres/lane/publication.js';
import { releaseTables } from '../../../postgres/ledger/lane-tables.js';
import { startLoading } from '../load/loading.js';
import type { Loading } from '../load/loading.js';
import { startPair } from '../pair.js';
import type { Pair } from '../pair.js';

const SQL = `
  CREATE TABLE plain (id int PRIMARY KEY, "No" int, t text);
  CREATE TABLE parent (id int PRIMARY KEY);
  CREATE TABLE child (PRIMARY KEY (id)) INHERITS (parent);
  CREATE UNLOGGED TABLE unlogged (id int PRIMARY KEY);
  CREATE TABLE silent (id int PRIMARY KEY);
  CREATE TABLE event (id int, at int, what text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
  CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM (1) TO (10);
  INSERT INTO plain SELECT n, n, 'x' FROM generate_series(1, 10) n;
  INSERT INTO event SELECT n, 1, 'x' FROM generate_series(1, 10) n;`;

describe('the publication of a lane', () => {
  let pair: Pair;
  let loading: Loading;
  before(async () => {
    pair = await startPair({
      source: { major: 15, settings: { wal_level: 'logical' } },
      target: { major: 18 },
    });
  });
  afterEach(() => loading.end());
  after(() => pair.remove());

  async function start(select: SpecInput['select'] = {}, lanes = 1): Promise<void> {
    const spec = {
      mode: 'full-load-and-cdc' as const,
      cdc: { lanes },
      select: { excludeData: ['silent'], ...select },
    };
    loading = await startLoading(pair, { sql: SQL, spec });
  }
  const publishedIn = async (lane: LaneName) =>
    (
      await loading.databases.run(
        'source',
        `SELECT tablename FROM pg_publication_tables
         WHERE pubname = '${lane}' AND schemaname <> 'pgtrek' ORDER BY 1`,
      )
    ).map(({ tablename }) => tablename);
  const laneOf = async (table: string) =>
    (
      await loading.databases.run(
        'target',
        `SELECT lane FROM pgtrek.relation WHERE qualified = 'public.${table}'`,
      )
    )[0]?.lane;

  it('lists the tables that belong to no lane, and a second attempt finds its own', async () => {
    await start();
    const { job, lane } = loading;
    assert.deepEqual(await publishedIn(lane), ['child', 'event', 'parent', 'plain']);
    for (const table of ['plain', 'unlogged', 'event', 'event_1', 'silent'])
      assert.equal(await laneOf(table), lane);
    assert.deepEqual(await publishLane(job, lane), { tables: 4, waiting: 0 });
  });

  it('of the next lane lists what the first has let go', async () => {
    await start();
    const { job, lane } = loading;
    const [plain] = await loading.databases.run(
      'target',
      `SELECT id FROM pgtrek.relation WHERE qualified = 'public.plain'`,
    );
    await withTarget(job, 'test', (target) => releaseTables(target, job.owner, lane, [Number(plain?.id)]));
    await publishLane(job, lane).catch(() => undefined);
    assert.equal(await laneOf('plain'), null, 'a stale attempt takes nothing back');
    const next = laneName(job.name, 2);
    assert.deepEqual(await publishLane(job, next), { tables: 1, waiting: 0 });
    assert.deepEqual(await publishedIn(next), ['plain']);
    assert.equal(await laneOf('event_1'), lane);
    const noted = await loading.databases.run(
      'target',
      `SELECT count(*)::int AS n FROM pgtrek.filenode WHERE lane = '${next}'`,
    );
    assert.deepEqual(noted, [{ n: 1 }]);
  });

  it('lists one group of tables where several lanes are asked for, and what it lets go stays a group', async () => {
    await start({}, 3);
    const { job, lane } = loading;
    const [second, third, fourth] = [2, 3, 4].map((n) => laneName(job.name, n)) as [
      LaneName,
      LaneName,
      LaneName,
    ];
    const groupOf = async (of: LaneName) => (await publishedIn(of)).join();
    const first = await groupOf(lane);
    // Whatever has changed since, and however often it is tried.
    await loading.databases.run('source', 'UPDATE plain SET t = t; UPDATE event SET what = what');
    assert.equal((await publishLane(job, lane)).waiting > 0, true);
    assert.equal(await groupOf(lane), first);
    assert.equal((await publishLane(job, second)).waiting > 0, true);
    await withTarget(job, 'test', (target) => releaseTables(target, job.owner, lane));
    assert.equal((await publishLane(job, third)).waiting > 0, true);
    assert.equal(await groupOf(third), first, 'of the lost lane alone');
    assert.deepEqual((await publishLane(job, fourth)).waiting, 0);
    const all = [await groupOf(second), await groupOf(third), await groupOf(fourth)];
    assert.deepEqual(all.join().split(',').sort(), ['child', 'event', 'parent', 'plain']);
    assert.equal(await laneOf('event_1'), await laneOf('event'));
    assert.ok(await laneOf('silent'));
  });

  it('takes no table for a lane that was given up', async () => {
    await start();
    const { job, lane } = loading;
    await withTarget(job, 'test', (target) => releaseTables(target, job.owner, lane));
    await loading.databases.run('target', `UPDATE pgtrek.lane SET status = 'dropped'`);
    await assert.rejects(publishLane(job, lane), { code: 'SUPERSEDED' });
    assert.equal(await laneOf('plain'), null);
  });

  it('has the columns and rows of the spec, and so has the copy, leaves as their root', async () => {
    await start({
      columns: { plain: ['No', 'id'], 'public.event': ['at', 'id'] },
      rows: { plain: 'id > 5 -- not the first', event: 'event.id % 2 = 0' },
    });
    const lists = await loading.databases.run(
      'source',
      `SELECT tablename::text AS table, attnames::text[] AS columns, rowfilter AS filter FROM pg_publication_tables
       WHERE tablename IN ('plain', 'event', 'child') ORDER BY 1`,
    );
    assert.deepEqual(lists, [
      { table: 'child', columns: ['id'], filter: null },
      { table: 'event', columns: ['id', 'at'], filter: '((id % 2) = 0)' },
      { table: 'plain', columns: ['id', 'No'], filter: '(id > 5)' },
    ]);
    await loading.copyAll();
    const sum = `SELECT count(*)::int, sum(id)::int, count(%)::int AS left FROM `;
    assert.deepEqual(await loading.databases.run('target', `${sum.replace('%', 't')} plain`), [
      { count: 5, sum: 40, left: 0 },
    ]);
    assert.deepEqual(await loading.databases.run('target', `${sum.replace('%', 'what')} event`), [
      { count: 5, sum: 30, left: 0 },
    ]);
  });
});
