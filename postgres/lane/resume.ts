/** Lets lanes go on that stand at a marker, or at a change on their way to it, and makes a marker that has not come through harmless. */
import { escapeIdentifier } from 'pg';
import type { MarkerPlan } from '../../contract/activities.js';
import type { LaneName } from '../../contract/names.js';
import { withEnds } from '../job.js';
import type { Job } from '../job.js';
import type { Session } from '../session.js';
import { disarm } from '../stop/marker.js';
import { takeOver } from '../take-over.js';
import { passChange } from './ddl-stop.js';
import { journalTable } from './journal.js';
import { requireSlots } from './lost-slot.js';
import { readStanding } from './standing.js';
import { enterApplying, waitForWorker } from './subscription.js';

/** `applying`: no lane stands at another marker. Throws SLOT_LOST before anything is done. */
export async function resumeLanes(job: Job, marker: MarkerPlan): Promise<{ applying: boolean }> {
  return withEnds(job, 'resume', async (source, target) => {
    await takeOver(target, job.owner, 'resume');
    await requireSlots(source, job.spec, marker.lanes);
    await disarm(target, job.owner, marker);
    let applying = true;
    for (const lane of marker.lanes) {
      if (await enable(target, { lane, owner: job.owner }, marker)) await confirmApplying(job, target, lane);
      else applying = false;
    }
    return { applying };
  });
}

async function confirmApplying(job: Job, target: Session, lane: LaneName): Promise<void> {
  await waitForWorker(job, target, lane);
  await enterApplying(target, job.owner, lane);
}

/**
 * A lane that stands at a change before the marker passes it. Otherwise only a lane whose last marker this is: an attempt that nobody waits for any more must not take a later stop back.
 * False when the lane stands at another marker, and stays there.
 */
async function enable(
  target: Session,
  { lane, owner }: { lane: LaneName; owner: string },
  marker: MarkerPlan,
): Promise<boolean> {
  const before = await readStanding(target, lane);
  if (before?.change) {
    // A change after the marker is another one: monitor looks at it first.
    if (!(await hasCome(target, lane, marker)))
      await passChange(target, owner, { lane, change: before.change });
    return true;
  }
  return target.transaction(async () => {
    const standing = await readStanding(target, lane);
    if (!standing || standing.enabled) return standing !== undefined;
    if (standing.marker !== marker.marker) return false;
    await target.query(
      `ALTER /* pgtrek: enable-subscription */ SUBSCRIPTION ${escapeIdentifier(lane)} ENABLE`,
    );
    return true;
  });
}

async function hasCome(target: Session, lane: LaneName, { marker }: MarkerPlan): Promise<boolean> {
  const rows = await target.query(
    `SELECT /* pgtrek: look-for-marker */ FROM ${journalTable(lane)} WHERE id = $1`,
    [marker],
  );
  return rows.length > 0;
}
