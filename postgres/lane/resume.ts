/** Lets lanes go on that stand at a marker, and makes a marker that has not come through harmless. */
import { escapeIdentifier } from 'pg';
import type { MarkerPlan } from '../../contract/activities.js';
import type { LaneName } from '../../contract/names.js';
import { withTarget } from '../job.js';
import type { Job } from '../job.js';
import type { Session } from '../session.js';
import { disarm } from '../stop/marker.js';
import { takeOver } from '../take-over.js';
import { journalTable } from './journal.js';
import { waitForWorker } from './subscription.js';

export async function resumeLanes(job: Job, marker: MarkerPlan): Promise<void> {
  await withTarget(job, 'resume', async (target) => {
    await takeOver(target, job.owner, 'resume');
    await disarm(target, job.owner, marker);
    for (const lane of marker.lanes) {
      if (!(await enable(target, lane, marker))) continue;
      await waitForWorker(job, target, lane);
      await target.query(
        `UPDATE pgtrek.lane SET status = 'applying' WHERE owner = $1 AND lane = $2 AND status <> 'dropped'`,
        [job.owner, lane],
      );
    }
  });
}

function standsSql(lane: LaneName): string {
  return `
    SELECT /* pgtrek: look-where-it-stands */ s.subenabled AS enabled,
      (SELECT j.id FROM ${journalTable(lane)} j WHERE j.kind = 'marker' ORDER BY j.at DESC LIMIT 1) AS marker
    FROM pg_subscription s
    WHERE s.subname = $1 AND s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())`;
}

/**
 * Only a lane whose last marker this is: an attempt that nobody waits for any more must not take a later stop back.
 * False when the lane stands at another marker, and stays there.
 */
async function enable(target: Session, lane: LaneName, marker: MarkerPlan): Promise<boolean> {
  return target.transaction(async () => {
    const [at] = await target.query<{ enabled: boolean; marker: string | null }>(standsSql(lane), [lane]);
    if (!at || at.enabled) return at !== undefined;
    if (at.marker !== marker.marker) return false;
    await target.query(
      `ALTER /* pgtrek: enable-subscription */ SUBSCRIPTION ${escapeIdentifier(lane)} ENABLE`,
    );
    return true;
  });
}
