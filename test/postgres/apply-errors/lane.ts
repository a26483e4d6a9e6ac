/** A lane that carries changes between two databases with tables of the test's, and what is asked of it. */
import assert from 'node:assert/strict';
import type { LaneName } from '../../../contract/names.js';
import type { SpecInput } from '../../../contract/spec.js';
import type { ApplyError } from '../../../contract/state.js';
import type { ApplyFailure } from '../../../postgres/apply-errors/apply-failure.js';
import { explainFailure } from '../../../postgres/apply-errors/explain.js';
import { goOnApplying } from '../../../postgres/apply-errors/go-on.js';
import type { Job } from '../../../postgres/job.js';
import { enterTables } from '../../../postgres/lane/enter-tables.js';
import { makeSlot } from '../../../postgres/lane/make-slot.js';
import { publishLane } from '../../../postgres/lane/publication.js';
import { subscribeLane } from '../../../postgres/lane/subscription.js';
import { waitUntil } from '../../../postgres/wait-until.js';
import { jobOf } from '../load/loaded.js';
import type { Databases, Pair } from '../pair.js';

export const LANE = 'pgtrek_build_1' as LaneName;

export interface Lane {
  job: Job;
  run: Databases['run'];
  /** Runs on the source what the target cannot apply, and tells how that is explained. */
  failure: (onSource: string) => Promise<ApplyFailure>;
  /** The same, where the change is found. */
  error: (onSource: string) => Promise<ApplyError>;
  goOn: (skip?: ApplyError) => Promise<void>;
  /** Until what the source has committed by now is on the target. */
  catchUp: () => Promise<void>;
}

export interface LaneOptions {
  /** Run on both ends. */
  tables: string;
  target?: string;
  spec?: Partial<SpecInput>;
  /** Made other than by the superuser of the throw-away servers. */
  jobFor?: (job: Job, databases: Databases) => Promise<Job>;
}

export async function openLane(pair: Pair, { tables, target, spec, jobFor }: LaneOptions): Promise<Lane> {
  const databases = await pair.newDatabases();
  const { run } = databases;
  await run('source', `${tables}; CREATE TABLE beat (n int PRIMARY KEY)`);
  await run('target', `${tables}; CREATE TABLE beat (n int PRIMARY KEY); ${target ?? ''}`);
  const plain = jobOf(databases, { mode: 'cdc', ...spec });
  const job = jobFor ? await jobFor(plain, databases) : plain;
  await enterTables(job);
  await publishLane(job, LANE);
  await makeSlot(job, LANE);
  await subscribeLane(job, LANE);
  let beats = 0;
  const catchUp = async () => {
    beats += 1;
    await run('source', `INSERT INTO beat VALUES (${String(beats)})`);
    const arrived = await waitUntil(
      { seconds: 10 },
      async () => (await run('target', `SELECT FROM beat WHERE n = ${String(beats)}`)).length > 0,
    );
    assert.ok(arrived, 'the lane catches up');
  };
  const failure = async (onSource: string) => {
    const before = await countErrors(databases);
    await run('source', onSource);
    const failed = await waitUntil({ seconds: 10 }, async () => (await countErrors(databases)) > before);
    assert.ok(failed, 'the lane fails to apply');
    return explainFailure(job, LANE);
  };
  return {
    job,
    run,
    failure,
    async error(onSource) {
      const { applyError, message } = await failure(onSource);
      assert.ok(applyError, message);
      return applyError;
    },
    goOn: (skip) => goOnApplying(job, { lane: LANE, retired: [], skip: skip?.lsn }),
    catchUp,
  };
}

async function countErrors({ run }: Databases): Promise<number> {
  const [row] = await run(
    'target',
    `SELECT apply_error_count::int AS n FROM pg_stat_subscription_stats s JOIN pg_subscription p ON p.oid = s.subid
     WHERE p.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())`,
  );
  return Number(row?.n);
}
