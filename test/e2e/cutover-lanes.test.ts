import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { connect } from '../../client/index.js';
import type { Migration, Pgtrek } from '../../client/index.js';
import type { ClientConfig } from 'pg';
import { FENCES } from '../../contract/cutover.js';
import type { Fence } from '../../contract/cutover.js';
import { assertEqualDatabases } from '../harness/equal.js';
import { assertNothingLeft } from '../harness/leaks.js';
import { OLDEST } from '../harness/majors.js';
import { untilCompleted, untilReported, untilState } from '../harness/migrations.js';
import { specFor } from '../harness/spec.js';
import { startWorker } from '../harness/worker.js';
import type { TestWorker } from '../harness/worker.js';
import { createDatabases, openWorld, query } from '../harness/world.js';
import type { Databases, World } from '../harness/world.js';
import { idsOn, startWritersOn, writtenTables } from '../postgres/cutover/writers.js';

const QUEUE = 'cutover-lanes';
/** All of them with PGTREK_FULL=1. */
const TRIED = process.env.PGTREK_FULL === '1' ? FENCES : FENCES.slice(0, 1);
/** Shared out over three lanes; each transaction writes into three of them. */
const TABLES = 9;

describe('a cutover of several lanes', { concurrency: 3 }, () => {
  let world: World;
  let worker: TestWorker;
  let client: Pgtrek;
  before(async () => {
    // Three migrations at once, each with three lanes one way and three the other.
    const settings = { max_logical_replication_workers: '24', max_worker_processes: '48' };
    world = await openWorld({
      sourceMajor: OLDEST,
      sourceSettings: settings,
      targetSettings: settings,
    });
    for (const cluster of [world.source, world.target])
      await query(cluster.connection(), `CREATE ROLE app SUPERUSER LOGIN PASSWORD 'app'`);
    worker = await startWorker(world, { taskQueue: QUEUE });
    client = await connect({ address: world.temporal.address, taskQueue: QUEUE });
  });
  after(async () => {
    await client.close();
    await worker.stop();
    await world.close();
  });

  for (const fence of TRIED) {
    it(`with fence ${fence} leaves every transaction whole over all of them, there and back`, async () => {
      const name = `lanes-${fence}`;
      const databases = await createDatabases(world, name, 'template1');
      await query(databases.source, writtenTables(TABLES));
      const migration = await client.start(
        specFor(name, databases, {
          taskQueue: QUEUE,
          cdc: { stop: { never: true }, lanes: 3 },
          cutover: { reverse: true, maxPause: '30s', fence },
        }),
      );
      const following = await untilState(migration, ({ stage }) => stage === 'monitor');
      assert.equal(following.lanes.length, 3);
      await turn(migration, { name: 'cutover', fence, databases });
      const there = await untilState(migration, ({ stage }) => stage === 'protect');
      assert.equal(there.lanes.filter(({ status }) => status === 'applying').length, 3);
      await turn(migration, { name: 'rollback', fence, databases });
      await untilState(migration, ({ stage, direction }) => stage === 'monitor' && direction === 'forward');
      await migration.stop({ now: true, then: 'finish' });
      await untilCompleted(migration);
      await assertEqualDatabases(databases);
      await assertNothingLeft(databases);
    });
  }
});

/** Under clients that write on what is the primary, and have stopped where the fence leaves that to them. */
async function turn(
  migration: Migration,
  { name, fence, databases }: { name: 'cutover' | 'rollback'; fence: Fence; databases: Databases },
): Promise<void> {
  const [from, to] = name === 'cutover' ? (['source', 'target'] as const) : (['target', 'source'] as const);
  const before = await idsIn(databases[from]);
  const writers = startWritersOn(
    { ...databases[from], user: 'app', password: 'app' },
    { tables: TABLES, everyMs: 20, above: Math.max(0, ...before) },
  );
  try {
    await writers.progress(50);
    if (fence === 'external') await writers.stop();
    const { cutover } = await untilReported(migration, () => migration[name]());
    assert.equal(cutover?.outcome, 'done', JSON.stringify(cutover));
    assert.equal(cutover.fence?.transactionsAfterMarker, 0);
  } finally {
    await writers.stop();
  }
  const { committed, unknown } = writers.account;
  const there = await idsIn(databases[to]);
  const lost = [...committed].filter((id) => !there.has(id));
  const madeUp = [...there].filter((id) => ![before, committed, unknown].some((known) => known.has(id)));
  assert.deepEqual({ lost, madeUp }, { lost: [], madeUp: [] });
  // The old primary has whole transactions only.
  await assertEqualDatabases(databases);
}

function idsIn(end: ClientConfig): Promise<Set<number>> {
  return idsOn({ run: (_, sql) => query(end, sql) }, 'source', TABLES);
}
