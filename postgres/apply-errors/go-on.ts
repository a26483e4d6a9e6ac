/** Lets a lane go on that was held: with the transaction that failed, or without it. */
import type { LaneName, Lsn } from '../../contract/names.js';
import { compareLsn } from '../../contract/names.js';
import { withEnds } from '../job.js';
import type { Job } from '../job.js';
import { slotOf } from '../lane/lane-names.js';
import { readStanding } from '../lane/standing.js';
import type { Session } from '../session.js';
import { endBackends, takeOver } from '../take-over.js';
import { readConfirmed } from './applied-position.js';
import { STEP, explainFailure, nextTransaction } from './explain.js';
import { awaitHeld, findHeld, isEnabled, releaseLane } from './hold-lane.js';
import { READER } from './read-transaction.js';

export interface HeldLane {
  lane: LaneName;
  /** Markers at which nothing stands any more. */
  retired: string[];
  /** End of the commit that the lane leaves out. */
  skip?: Lsn | undefined;
}

/**
 * A lane that is not held any more goes on already: by an earlier attempt, which has skipped what it had to. Throws
 * ApplyFailure when another transaction than the one to skip comes next.
 */
export async function goOnApplying(job: Job, { lane, retired, skip }: HeldLane): Promise<void> {
  const other = await withEnds(job, STEP, async (source, target) => {
    await takeOver(target, job.owner, STEP);
    await endBackends(job, source, READER);
    if ((await findHeld(target, job.owner, [lane])).length === 0) return false;
    // Somebody has enabled it: it goes on, or fails and is looked at again.
    const enabled = await isEnabled(target, lane);
    if (!enabled) await awaitHeld(job, { source, target }, lane);
    if (!enabled && skip !== undefined && !(await skipTransaction(job, { source, target }, { lane, skip })))
      return true;
    const standing = await readStanding(target, lane);
    const marker = standing?.marker ?? undefined;
    const stands = marker !== undefined && !retired.includes(marker);
    await releaseLane(target, job.owner, { lane, enable: !stands });
    return false;
  });
  if (other) throw await explainFailure(job, lane);
}

const ADVANCE_SQL = `SELECT /* pgtrek: skip-transaction */ pg_replication_slot_advance($1, $2::pg_lsn)`;

/**
 * Moves the slot to the end of the transaction's commit: the source sends no commit that begins before, and all others
 * whole, also those that were open then. False when another transaction comes next. Everything before it is on the target,
 * and is made durable there first, as the source will not send it again.
 */
async function skipTransaction(
  job: Job,
  ends: { source: Session; target: Session },
  { lane, skip }: { lane: LaneName; skip: Lsn },
): Promise<boolean> {
  const { source, target } = ends;
  const slot = slotOf(job.spec, lane);
  if (compareLsn(await readConfirmed(job, source, lane), skip) >= 0) return true;
  if ((await nextTransaction(job, ends, lane))?.lsn !== skip) return false;
  await awaitHeld(job, ends, lane);
  await commitSynchronously(target, job.owner, lane);
  await source.query(ADVANCE_SQL, [slot, skip]);
  return true;
}

/** The apply worker commits asynchronously: a crash could take back what the source then does not send again. */
async function commitSynchronously(target: Session, owner: string, lane: LaneName): Promise<void> {
  await target.transaction(async () => {
    await target.query('SET LOCAL synchronous_commit = on');
    await target.query(
      'UPDATE /* pgtrek: barrier-before-skip */ pgtrek.held SET lane = lane WHERE owner = $1 AND lane = $2',
      [owner, lane],
    );
  });
}
