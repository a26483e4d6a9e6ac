import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fillTables } from '../../bench/apply/backlog.js';
import { native } from '../../bench/apply/native.js';
import { pgtrek } from '../../bench/apply/pgtrek.js';
import { TEMPLATE, runOnce } from '../../bench/apply/run-once.js';
import type { ApplySubject } from '../../bench/apply/subject.js';
import { openStage } from '../../bench/load/stage.js';
import type { Stage } from '../../bench/load/stage.js';
import { query } from '../../bench/load/sql.js';
import { PeakMemory } from '../../bench/peak-memory.js';
import type { Progress } from '../../bench/progress.js';
import { measureStops, SETTINGS } from '../../bench/stop/run-suite.js';
import { Belongings } from '../../dev/belongings.js';
import { findClientTools } from '../../postgres/client-tools.js';

const progress: Progress = { say: () => undefined, step: (_, work) => work() };

// In one file, as both need servers, and pgtrek as it is installed.
describe('the benchmarks of what follows a load', () => {
  const belongings = new Belongings();
  const { signal } = new AbortController();
  let stage: Stage;

  before(async () => {
    const tools = await findClientTools(15);
    stage = await openStage({
      majors: { source: 15, target: 18 },
      settings: SETTINGS,
      ...{ tools, peers: [], needsPgtrek: true, belongings, progress, signal },
    });
    await query(stage.servers.source.connection(), `CREATE DATABASE ${TEMPLATE}`);
    const source = stage.servers.source.connection(TEMPLATE);
    await fillTables({ source, tools, belongings, memory: new PeakMemory() }, 1);
  });
  after(async () => assert.deepEqual(await belongings.closeAll(), []));

  const run = (subject: ApplySubject, { deadline = 1 } = {}) =>
    runOnce({ stage, subject, round: 1, options: { transactions: 202, deadline }, belongings });

  for (const subject of [native, pgtrek]) {
    it(`have a figure of ${subject.name} for a backlog, and leave nothing`, async () => {
      const { seconds } = await run(subject);
      assert.ok(seconds > 0 && seconds < 60, `${String(seconds)} s`);
      const left = `SELECT datname::text AS name FROM pg_database WHERE datname IN ('bench', 'bench_target')
        UNION ALL SELECT slot_name FROM pg_replication_slots`;
      assert.deepEqual(await query(stage.servers.source.connection(), left), []);
      assert.deepEqual(await query(stage.servers.target.connection(), left), []);
    });
  }

  it('tell how far a backlog came that is not there in time', async () => {
    const stuck: ApplySubject = {
      name: 'native',
      prepare: async (arena) => ({ ...(await native.prepare(arena)), letGo: async () => undefined }),
    };
    await assert.rejects(
      run(stuck, { deadline: 0.001 }),
      /^Error: 0 of 202 transactions had arrived after 60 ms$/,
    );
  });

  it('have the overshoot of every stop, told by pgtrek and by the source', async () => {
    const own = new Belongings();
    const options = { runs: 2, sessions: 2, rate: 50, lanes: 1 };
    try {
      const { stops, writtenPerSecond, problems } = await measureStops(
        { belongings: own, progress, signal },
        { stage, options },
      );
      assert.deepEqual(problems, []);
      assert.equal(stops.length, 2);
      assert.ok(writtenPerSecond > 1, `${String(writtenPerSecond)} transactions a second`);
      for (const { overshootMs, commitMs, stoodMs } of stops) {
        assert.ok(
          commitMs >= 0 && commitMs <= overshootMs + 1,
          `${String(commitMs)} of ${String(overshootMs)} ms`,
        );
        assert.ok(stoodMs > 0, `${String(stoodMs)} ms`);
      }
    } finally {
      assert.deepEqual(await own.closeAll(), []);
    }
  });
});
