/** Finds out which change a lane cannot apply: table, row, position, and the server's own words. */
import { changesOf, describeFailing } from '../../contract/apply-error.js';
import type { LaneName, Lsn } from '../../contract/names.js';
import type { ApplyError } from '../../contract/state.js';
import { messageOf } from '../classify-error.js';
import { withEnds } from '../job.js';
import type { Job } from '../job.js';
import { mayReadProgress } from '../lane/origin.js';
import type { Session } from '../session.js';
import { endBackends, takeOver } from '../take-over.js';
import { ApplyFailure } from './apply-failure.js';
import {
  forgetHeldPosition,
  readConfirmed,
  readHeldPosition,
  readOrigin,
  watchBeginnings,
} from './applied-position.js';
import { describeKey } from './change-sql.js';
import { awaitHeld, holdLane, isEnabled } from './hold-lane.js';
import { READER, readTransaction } from './read-transaction.js';
import type { SourceTransaction } from './read-transaction.js';
import { tryChanges } from './try-changes.js';
import type { FailedChange } from './try-changes.js';

/** The step of taking over: finding out and going on exclude each other. */
export const STEP = 'apply-errors';

/**
 * Disables the lane, so that it fails no more and its slot is free, and tells why it cannot go on. Repeatable: a lane
 * that is held already is looked at again.
 */
export async function explainFailure(job: Job, lane: LaneName): Promise<ApplyFailure> {
  return withEnds(job, STEP, async (source, target) => {
    await takeOver(target, job.owner, STEP);
    await endBackends(job, source, READER);
    if (await isEnabled(target, lane)) {
      const seen = (await mayReadProgress(target)) ? undefined : await watchBeginnings(job, source, lane);
      await holdLane(target, job.owner, { lane, applied: seen?.applied });
      await awaitHeld(job, { source, target }, lane);
      // A last try may have passed after all.
      if (seen && (await readConfirmed(job, source, lane)) !== seen.confirmed)
        await forgetHeldPosition(target, job.owner, lane);
    } else {
      await awaitHeld(job, { source, target }, lane);
    }
    return describe(job, { source, target }, lane);
  });
}

/** The lane stands still. */
async function describe(
  job: Job,
  ends: { source: Session; target: Session },
  lane: LaneName,
): Promise<ApplyFailure> {
  try {
    const next = await nextTransaction(job, ends, lane);
    if (next === undefined) return unexplained(lane, 'nothing is left that it has not applied');
    const trial = await tryChanges(job, lane, next.changes);
    if ('failed' in trial) return explained(job, lane, { transaction: next, ...trial.failed });
    if ('untried' in trial) return unexplained(lane, `${about(next)} could not be tried: ${trial.untried}`);
    return unexplained(lane, `${about(next)} ${passedOf(next, trial)}`);
  } catch (error) {
    job.signal?.throwIfAborted();
    return unexplained(lane, messageOf(error));
  }
}

/** What comes first after all that is on the target. Throws where that cannot be known. */
export async function nextTransaction(
  job: Job,
  { source, target }: { source: Session; target: Session },
  lane: LaneName,
): Promise<SourceTransaction | undefined> {
  const from = (await readOrigin(target, lane)) ?? (await readHeldPosition(target, job.owner, lane));
  if (from === undefined) throw new Error(notPermitted(job));
  const { lsn } = await source.one<{ lsn: Lsn }>(
    'SELECT /* pgtrek: read-end */ pg_current_wal_lsn()::text AS lsn',
  );
  return readTransaction(job, lane, { from, upTo: lsn });
}

function notPermitted({ spec }: Job): string {
  return (
    `${spec.target.user} may not read how far the target has applied, and the source did not show it ` +
    `(on the target: GRANT EXECUTE ON FUNCTION pg_replication_origin_progress(text, boolean) TO ${spec.target.user})`
  );
}

function about({ xid, lsn, count }: SourceTransaction): string {
  return `its next transaction (xid ${xid}, ${changesOf(count)}, up to ${lsn})`;
}

function passedOf({ count, changes }: SourceTransaction, trial: { absent: number }): string {
  const absent = trial.absent === 0 ? '' : `; ${changesOf(trial.absent)} met no row`;
  return count > changes.length
    ? `is too big to be tried whole: its first ${String(changes.length)} changes can be applied${absent}`
    : `can be applied now${absent}`;
}

function explained(
  job: Job,
  lane: LaneName,
  { transaction, change, there, message }: FailedChange & { transaction: SourceTransaction },
): ApplyFailure {
  const { xid, committedAt, lsn, count } = transaction;
  const key = describeKey(change, there);
  const applyError: ApplyError = {
    lane,
    lsn,
    xid,
    committedAt,
    operation: change.operation,
    table: there.qualified,
    ...(key === undefined ? {} : { key }),
    message,
    changes: count,
  };
  return new ApplyFailure(lane, {
    message: `Lane ${lane} cannot apply ${describeFailing(applyError)}: ${message}. Nothing after it is applied.`,
    remedy: `Mend the target, then retry; or leave out the whole transaction of ${changesOf(count)}: pgtrek retry ${job.name} --skip ${lsn}`,
    applyError,
  });
}

function unexplained(lane: LaneName, reason: string): ApplyFailure {
  return new ApplyFailure(lane, {
    message: `Subscription ${lane} failed again and again to apply a change, and is disabled; nothing after it is applied. Which one is not known: ${reason}.`,
    remedy:
      'The target’s log names the table, the row and the reason ("processing remote data … for replication target relation"). Mend the target, then retry.',
  });
}
