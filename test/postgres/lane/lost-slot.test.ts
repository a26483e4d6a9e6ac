import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { laneName } from '../../../contract/names.js';
import type { LaneName } from '../../../contract/names.js';
import { withEnds } from '../../../postgres/job.js';
import type { Job } from '../../../postgres/job.js';
import { enterTables } from '../../../postgres/lane/enter-tables.js';
import { requireSlots } from '../../../postgres/lane/lost-slot.js';
import { makeSlot } from '../../../postgres/lane/make-slot.js';
import { publishLane } from '../../../postgres/lane/publication.js';
import { subscribeLane } from '../../../postgres/lane/subscription.js';
import { checkHealth } from '../../../postgres/monitor/check-health.js';
import { createGauge } from '../../../postgres/monitor/measure.js';
import { waitUntil } from '../../../postgres/wait-until.js';
import { jobOf } from '../load/loaded.js';
import { startPair } from '../pair.js';
import type { Databases, Pair } from '../pair.js';

for (const major of [15, 18]) {
  describe(`a slot of PostgreSQL ${String(major)} is lost`, () => {
    let pair: Pair;
    let databases: Databases;
    let job: Job;
    const lane = laneName('build', 1);

    before(async () => {
      pair = await startPair({
        source: { major, settings: { wal_level: 'logical', max_slot_wal_keep_size: '1MB' } },
        target: { major: 18 },
      });
      databases = await pair.newDatabases();
      for (const end of ['source', 'target'] as const)
        await databases.run(end, 'CREATE TABLE t (id int PRIMARY KEY)');
      job = jobOf(databases, { mode: 'cdc' });
      await enterTables(job);
      await publishLane(job, lane);
      await makeSlot(job, lane);
      await subscribeLane(job, lane);
    });
    after(() => pair.remove());

    it('when it stands past what the target has, and not while changes are on their way', async () => {
      await measure((check) => check());
      await disable();
      await measure(async (check) => {
        await check();
        await databases.run('source', `SELECT pg_replication_slot_advance('${lane}', pg_current_wal_lsn())`);
        await assert.rejects(check, /stands past changes that the target does not have/);
      });
      await measure((check) => assert.rejects(check, /stands past changes/));
    });

    it('when the source has removed WAL that it needed', async () => {
      await withEnds(job, 'test', (source) => requireSlots(source, job.spec, [lane]));
      for (let n = 0; n < 3; n += 1)
        await databases.run('source', `SELECT pg_logical_emit_message(false, 'test', 'x'), pg_switch_wal()`);
      await databases.run('source', 'CHECKPOINT');
      const lost = { code: 'SLOT_LOST', object: lane, message: /has removed WAL.*max_slot_wal_keep_size/ };
      await measure((check) => assert.rejects(check, lost));
      await withEnds(job, 'test', (source) => assert.rejects(requireSlots(source, job.spec, [lane]), lost));
    });

    it('when it is gone', async () => {
      await databases.run('source', `SELECT pg_drop_replication_slot('${lane}')`);
      const lost = { code: 'SLOT_LOST', object: lane, message: /is gone from the source/ };
      await measure((check) => assert.rejects(check, lost));
      await withEnds(job, 'test', (source) => assert.rejects(requireSlots(source, job.spec, [lane]), lost));
    });

    /** `check` measures, and throws what the figures tell. */
    async function measure(work: (check: () => Promise<void>) => Promise<void>): Promise<void> {
      await withEnds(job, 'test', async (source, target) => {
        const gauge = createGauge(job, { lanes: [lane] }, source, target);
        const marked = new Set<LaneName>([lane]);
        await work(async () => checkHealth(await gauge(), { standing: false, marked }));
      });
    }

    async function disable(): Promise<void> {
      await databases.run('target', `ALTER SUBSCRIPTION ${lane} DISABLE`);
      const idle = await waitUntil({ seconds: 20 }, async () => {
        const [slot] = await databases.run(
          'source',
          `SELECT active FROM pg_replication_slots WHERE slot_name = '${lane}'`,
        );
        return slot?.['active'] === false;
      });
      assert.ok(idle);
    }
  });
}
