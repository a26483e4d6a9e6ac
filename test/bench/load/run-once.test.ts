import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { dumpAndRestore, dumpAndRestoreUncompressed } from '../../../bench/load/dump-and-restore.js';
import { nativeSubscription } from '../../../bench/load/native-subscription.js';
import { runOnce } from '../../../bench/load/run-once.js';
import { openScene } from '../../../bench/load/scene.js';
import type { Scene } from '../../../bench/load/scene.js';
import { query } from '../../../bench/load/sql.js';
import { subjectsOf } from '../../../bench/load/subjects.js';
import type { Arena, Subject } from '../../../bench/load/subject.js';
import { Belongings } from '../../../dev/belongings.js';
import { findClientTools } from '../../../postgres/client-tools.js';

describe('one run', () => {
  const belongings = new Belongings();
  let scene: Scene;

  before(async () => {
    scene = await openScene({
      majors: { source: 15, target: 18 },
      tools: await findClientTools(15),
      scale: 0.0005,
      belongings,
      progress: { say: () => undefined, step: (_, work) => work() },
    });
  });
  after(async () => assert.deepEqual(await belongings.closeAll(), []));

  const run = (subject: Subject) => runOnce({ scene, subject, round: 1, belongings });

  for (const subject of [dumpAndRestore, dumpAndRestoreUncompressed, nativeSubscription]) {
    it(`of ${subject.name} has a figure, and leaves both servers as they were`, async () => {
      const { round, seconds } = await run(subject);
      assert.equal(round, 1);
      assert.ok(seconds > 0 && seconds < 60, `${seconds} s`);
      await assertCleared();
    });
  }

  it('whose result lacks rows, an index or statistics has no figure', async () => {
    const spoilt: [string, RegExp][] = [
      [
        'DELETE FROM orders WHERE id = 7',
        /not on the target: table orders: 1000 rows.*only on the target: table orders: 999 rows/,
      ],
      ['DROP INDEX orders_details', /not on the target: index orders_details/],
      [
        'ALTER TABLE pgbench_accounts DROP CONSTRAINT pgbench_accounts_bid_fkey',
        /constraint pgbench_accounts_bid_fkey/,
      ],
      [
        "DELETE FROM pg_statistic WHERE starelid = 'orders'::regclass",
        /table orders: 1000 rows, without statistics/,
      ],
    ];
    for (const [sql, told] of spoilt) {
      await assert.rejects(run(followedBy(dumpAndRestore, ({ target }) => query(target, sql))), told);
      await assertCleared();
    }
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
    await query(scene.source, 'SELECT lo_create(4242)');
    await assert.rejects(run(stream), /the migration is blocked: VALIDATION_FAILED: .*large object/i);
    await query(scene.source, 'SELECT lo_unlink(4242)');
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
    assert.deepEqual(await readdir(scene.folder), ['workflows.bundle.js']);
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
          await move.go();
          await then(arena);
        },
      };
    },
  };
}
