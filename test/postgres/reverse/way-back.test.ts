import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { MarkerPlan } from '../../../contract/activities.js';
import { laneName } from '../../../contract/names.js';
import { waitUntil } from '../../../dev/wait-until.js';
import { adoptChanges } from '../../../postgres/adopt/adopt-changes.js';
import { dropLane, removeObjects } from '../../../postgres/cleanup/remove-objects.js';
import type { Job } from '../../../postgres/job.js';
import { withTarget } from '../../../postgres/job.js';
import { enterTables } from '../../../postgres/lane/enter-tables.js';
import { makeSlot } from '../../../postgres/lane/make-slot.js';
import { publishLane } from '../../../postgres/lane/publication.js';
import { reduceLane } from '../../../postgres/lane/reduce.js';
import { subscribeLane } from '../../../postgres/lane/subscription.js';
import { releaseTables } from '../../../postgres/ledger/lane-tables.js';
import { buildIndexes } from '../../../postgres/load/build-indexes.js';
import { copyBatch } from '../../../postgres/load/copy-batch.js';
import { planIndexes } from '../../../postgres/load/plan-indexes.js';
import { planLoad } from '../../../postgres/load/plan-load.js';
import { beginHere } from '../../../postgres/reverse/begin-here.js';
import { findOrphans, removeOrphan } from '../../../postgres/orphans.js';
import { dropRestored } from '../../../postgres/schema/drop-restored.js';
import { confirmStopped } from '../../../postgres/stop/confirm-stopped.js';
import { commitMarker } from '../../../postgres/stop/marker.js';
import { startLoading } from '../load/loading.js';
import type { Loading } from '../load/loading.js';
import { startPair } from '../pair.js';
import type { Pair } from '../pair.js';
import { leftOver, reversed } from './there-and-back.js';

const SQL = `
  CREATE TABLE kept (id int PRIMARY KEY, t text);
  INSERT INTO kept SELECT n, n::text FROM generate_series(1, 100) n`;
const REFUSED = { code: 'LOAD_OR_WAY_BACK' };

describe('a load and the way back', () => {
  let pair: Pair;
  let loading: Loading;
  let there: Job;
  let back: Job;
  const first = laneName('load', 1);
  const second = laneName('load', 2);
  const third = laneName('load', 3);
  before(async () => {
    const settings = { wal_level: 'logical' };
    pair = await startPair({ source: { major: 15, settings }, target: { major: 18, settings } });
    loading = await startLoading(pair, { sql: SQL, spec: { mode: 'full-load-and-cdc' } });
    there = loading.job;
    back = reversed(there);
    await makeSlot(there, first);
  });
  after(async () => {
    await loading.end();
    await pair.remove();
  });

  const rowsOn = async (end: 'source' | 'target') =>
    Number((await loading.databases.run(end, 'SELECT count(*)::int AS n FROM kept'))[0]?.['n']);

  it('exclude each other: it is not published before all is loaded', async () => {
    await enterTables(back);
    await assert.rejects(publishLane(back, second), REFUSED);
    await loading.copyAll();
    for (const task of (await planIndexes(there)).tasks) await buildIndexes(there, task, 0);
    await assert.rejects(publishLane(back, second), REFUSED);
    await subscribeLane(there, first);
    await publishLane(back, second);
    await makeSlot(back, second);
  });

  it('nor opened while lanes flow the other way', async () => {
    await assert.rejects(subscribeLane(back, second), { ...REFUSED, object: first });
    const marker: MarkerPlan = {
      marker: `${there.owner}:1`,
      nonce: 'nonce',
      plan: { kind: 'now', then: 'wait' },
      lanes: [first],
    };
    const { lsn } = await commitMarker(there, marker, () => undefined);
    await confirmStopped(there, { marker, lsn, onFigures: () => undefined });
    await withTarget(there, 'test', (target) => beginHere(target, [second]));
    await subscribeLane(back, second);
  });

  it('and nothing empties or fills a table from which changes flow back: the old primary keeps its rows', async () => {
    await loading.databases.run('target', `INSERT INTO kept VALUES (101, 'back')`);
    assert.ok(await waitUntil(async () => (await rowsOn('source')) === 101, { deadlineMs: 20_000 }));

    await assert.rejects(dropLane(there, first), REFUSED);
    await assert.rejects(reduceLane(there, first), REFUSED);
    await assert.rejects(adoptChanges(there, { lanes: [first], standing: true }), REFUSED);
    await assert.rejects(
      withTarget(there, 'test', (target) => dropRestored(target, there.owner)),
      REFUSED,
    );
    await withTarget(there, 'test', (target) => releaseTables(target, there.owner, first));
    await publishLane(there, third);
    for (const { copies } of (await planLoad(there, third)).groups)
      for (const batch of copies)
        await assert.rejects(
          copyBatch(there, third, { snapshots: loading.snapshots, batch }, () => undefined),
          REFUSED,
        );
    await assert.rejects(dropLane(back, second), { code: 'INTERNAL_ERROR' });

    await loading.databases.run('target', `INSERT INTO kept VALUES (102, 'back')`);
    assert.ok(await waitUntil(async () => (await rowsOn('source')) === 102, { deadlineMs: 20_000 }));
    assert.equal(await rowsOn('target'), 102);
  });

  it('orphans of it are found on both ends', async () => {
    const { servers } = there;
    const find = () => findOrphans({ servers, isLive: () => Promise.resolve(false) });
    const found = (await find()).map(({ end, kind, name }) => `${end} ${kind} ${name}`);
    for (const expected of [
      `source subscription ${second}`,
      `target slot ${second}`,
      `target publication ${second}`,
      'source ledger load',
      'target ledger load',
    ])
      assert.ok(found.includes(expected), `${expected} in ${found.join(', ')}`);
    for (const orphan of (await find()).filter(({ kind }) => kind === 'slot' || kind === 'subscription'))
      await removeOrphan(servers, orphan);
    assert.deepEqual(
      (await find()).filter(({ kind }) => kind === 'slot' || kind === 'subscription'),
      [],
    );
  });

  it('are both removed, and the tables that were restored too where that is asked for', async () => {
    const { leftovers, notes } = await removeObjects(there, true);
    assert.deepEqual({ leftovers, notes }, { leftovers: [], notes: [] });
    assert.deepEqual(await leftOver(loading.databases), []);
    assert.equal(await rowsOn('source'), 102);
    assert.deepEqual(await loading.databases.run('target', `SELECT to_regclass('kept') AS kept`), [
      { kept: null },
    ]);
  });
});
