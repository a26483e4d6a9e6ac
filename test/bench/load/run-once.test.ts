import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { dumpAndRestore, dumpAndRestoreUncompressed } from '../../../bench/load/dump-and-restore.js';
import { runClientTool, psqlOf } from '../../../bench/load/client-tool.js';
import { DATA_SETS } from '../../../bench/load/data-sets.js';
import { floor } from '../../../bench/load/floor.js';
import {
  nativeSubscription,
  nativeSubscriptionIndexesAfter,
} from '../../../bench/load/native-subscription.js';
import { findPgcopydb, pgcopydb, pgcopydbSplit } from '../../../bench/load/pgcopydb.js';
import { pgtrekEngine } from '../../../bench/load/pgtrek-engine.js';
import { runOnce } from '../../../bench/load/run-once.js';
import { openScene } from '../../../bench/load/scene.js';
import type { Scene } from '../../../bench/load/scene.js';
import { openStage } from '../../../bench/load/stage.js';
import type { Stage } from '../../../bench/load/stage.js';
import { query } from '../../../bench/load/sql.js';
import { subjectsOf } from '../../../bench/load/subjects.js';
import type { Arena, Subject } from '../../../bench/load/subject.js';
import type { DataSetName } from '../../../bench/load/data-set.js';
import type { Progress } from '../../../bench/progress.js';
import { Belongings } from '../../../dev/belongings.js';
import { findClientTools } from '../../../postgres/client-tools.js';

const MEGABYTE = 1024 * 1024;
const isLinux = existsSync('/proc/self/stat');
const progress: Progress = { say: () => undefined, step: (_, work) => work() };
const SCALES = { mixed: 0.0005, single: 0.0005, many: 0.03 };

describe('one run', () => {
  const belongings = new Belongings();
  let stage: Stage;
  let scene: Scene;

  const openCase = async (name: DataSetName) => {
    scene = await openScene(stage, { dataSet: DATA_SETS[name], scale: SCALES[name], progress });
  };

  before(async () => {
    stage = await openStage({
      majors: { source: 15, target: 18 },
      tools: await findClientTools(15),
      peers: [],
      needsPgtrek: true,
      belongings,
      progress,
      signal: new AbortController().signal,
    });
    await openCase('mixed');
  });
  after(async () => assert.deepEqual(await belongings.closeAll(), []));

  const run = (subject: Subject, { deadlineMs = 120_000 } = {}) =>
    runOnce({ scene, subject, round: 1, belongings, deadlineMs });

  const PLAIN = [
    floor,
    dumpAndRestore,
    dumpAndRestoreUncompressed,
    nativeSubscription,
    nativeSubscriptionIndexesAfter,
  ];
  const withoutPgcopydb = findPgcopydb() === undefined && 'there is no pgcopydb';

  for (const subject of PLAIN) {
    it(`of ${subject.name} has a figure, and leaves both servers as they were`, async () => {
      const { round, seconds } = await run(subject);
      assert.equal(round, 1);
      assert.ok(seconds > 0 && seconds < 60, `${seconds} s`);
      await assertCleared();
    });
  }

  it('whose result lacks rows, an index or statistics has no figure', async () => {
    const spoil = `
      DELETE FROM orders WHERE id = 7;
      DROP INDEX orders_details;
      ALTER TABLE pgbench_accounts DROP CONSTRAINT pgbench_accounts_bid_fkey;
      DELETE FROM pg_statistic WHERE starelid = 'pgbench_accounts'::regclass`;
    const told = [
      /not on the target: table orders: 1000 rows.*only on the target: table orders: 999 rows/,
      /not on the target: index orders_details/,
      /not on the target: constraint pgbench_accounts_bid_fkey/,
      /not on the target: table pgbench_accounts: \d+ rows, with statistics/,
    ];
    await assert.rejects(
      run(followedBy(floor, ({ target }) => query(target, spoil))),
      ({ message }: Error) => {
        for (const difference of told) assert.match(message, difference);
        return true;
      },
    );
    await assertCleared();
  });

  it('that broke off in the middle leaves both servers as they were', async () => {
    const failing = followedBy(nativeSubscription, async ({ source, folder }) => {
      await query(source, 'CREATE SCHEMA pgtrek');
      await writeFile(join(folder, 'left'), '');
      throw new Error('broken off');
    });
    await assert.rejects(run(failing), /broken off/);
    await assertCleared();
  });

  it('of a migration that blocks tells why, and leaves both servers as they were', async () => {
    const [stream] = subjectsOf(['pgtrek-stream']);
    assert.ok(stream);
    const inTheWay = precededBy(stream, ({ target }) => query(target, 'CREATE TABLE orders (id int)'));
    await assert.rejects(
      run(inTheWay),
      /the migration is blocked: VALIDATION_FAILED: .*orders exists on the target/,
    );
    await assertCleared();
  });

  it('of pgtrek tells of its worker, of Temporal and of the history', { skip: !isLinux }, async () => {
    const [stream] = subjectsOf(['pgtrek-stream']);
    assert.ok(stream);
    const { measures, phases } = await run(stream);
    const events = measures['history-events'] ?? 0;
    assert.ok(events > 20 && events < 8_000, `${events} events`);
    const worker = measures['worker-peak-memory'] ?? 0;
    assert.ok(worker > 50 * MEGABYTE && worker < 600 * MEGABYTE, `${worker} bytes`);
    assert.ok((measures['worker-cpu'] ?? 0) > 0 && (measures['temporal-cpu'] ?? 0) > 0);
    assert.ok((phases['load'] ?? 0) > 0, JSON.stringify(phases));
    await assertCleared();
  });

  it('of the load without Temporal has the stages of a migration, and no history', async () => {
    const { measures, phases } = await run(pgtrekEngine);
    assert.deepEqual(Object.keys(phases), ['validate', 'dump', 'restore', 'load']);
    assert.equal(measures['history-events'], undefined);
    if (isLinux)
      assert.ok((measures['worker-peak-memory'] ?? 0) > 20 * MEGABYTE && (measures['worker-cpu'] ?? 0) > 0);
    await assertCleared();
  });

  it('of the load without Temporal tells what blocks it, and ends its process', async () => {
    const inTheWay = precededBy(pgtrekEngine, ({ target }) => query(target, 'CREATE TABLE orders (id int)'));
    await assert.rejects(run(inTheWay), /orders exists on the target/);
    await assert.rejects(run(pgtrekEngine, { deadlineMs: 300 }), /it did not end within 300 ms/);
    await assertCleared();
  });

  it('that hangs is ended at its deadline, with its children and its sessions', async () => {
    await assert.rejects(run(hanging, { deadlineMs: 1_000 }), /it did not end within 1.0 s/);
    const sleepers = `SELECT count(*)::int AS sessions FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)' AND pid <> pg_backend_pid()`;
    assert.deepEqual(await query(scene.source, sleepers), [{ sessions: 0 }]);
    await assertCleared();
  });

  it('of pgcopydb has a figure', { skip: withoutPgcopydb }, async () => {
    assert.ok((await run(pgcopydb)).seconds > 0);
    await assertCleared();
  });

  it('of one table in parts has a figure', { skip: withoutPgcopydb }, async () => {
    await openCase('single');
    assert.ok((await run(pgcopydbSplit)).seconds > 0);
    await assertCleared();
  });

  it('of many tables has a figure, and is checked table by table', async () => {
    await openCase('many');
    assert.equal(scene.size.tables, 300);
    assert.ok((await run(floor)).seconds > 0);
    const spoilt = followedBy(floor, ({ target }) => query(target, 'DELETE FROM tenant_299 WHERE id = 1'));
    await assert.rejects(run(spoilt), /not on the target: table tenant_299: 20 rows/);
    await assertCleared();
  });

  const assertCleared = async () => {
    const onSource = `
      SELECT slot_name::text AS name FROM pg_replication_slots UNION ALL SELECT pubname FROM pg_publication
      UNION ALL SELECT nspname FROM pg_namespace WHERE nspname = 'pgtrek'`;
    assert.deepEqual(await query(scene.source, onSource), []);
    const onTarget = `SELECT datname FROM pg_database WHERE datname LIKE 'bench%'`;
    assert.deepEqual(await query(scene.servers.target.connection(), onTarget), []);
    assert.ok(existsSync(scene.folder));
    assert.deepEqual(await readdir(scene.folder), ['pgtrek']);
  };
});

/** The subject, with something more in the measured time. */
function followedBy(subject: Subject, then: (arena: Arena) => Promise<unknown>): Subject {
  return {
    name: subject.name,
    prepare: async (arena) => {
      const move = await subject.prepare(arena);
      return {
        go: async () => {
          const outcome = await move.go();
          await then(arena);
          return outcome;
        },
      };
    },
  };
}

function precededBy(subject: Subject, first: (arena: Arena) => Promise<unknown>): Subject {
  return {
    name: subject.name,
    prepare: async (arena) => {
      await first(arena);
      return subject.prepare(arena);
    },
  };
}

/** A shell that will not be ended by SIGTERM, and a session of its child. */
const hanging: Subject = {
  name: 'pgcopydb',
  prepare: async (arena) => ({
    go: async () => {
      const script = `trap '' TERM; "$0" -c 'SELECT pg_sleep(600)' & wait; wait; sleep 600`;
      const args = ['-c', script, psqlOf(arena)];
      await runClientTool(arena, { file: 'bash', args, connection: arena.source });
      return {};
    },
  }),
};
