/** Stops the lanes inside the fence: as confirmStopped does, with sessions that are open, and without its figures. */
import type { MarkerPlan, Stopped } from '../../contract/activities.js';
import { PgtrekError } from '../../contract/errors.js';
import type { Lsn } from '../../contract/names.js';
import type { Job } from '../job.js';
import { passChange } from '../lane/ddl-stop.js';
import { slotOf } from '../lane/lane-names.js';
import { isIdleWithin } from '../lane/slot.js';
import type { Session } from '../session.js';
import { commitSynchronously, lookForStop, standsAt } from '../stop/confirm-stopped.js';
import { waitUntil } from '../wait-until.js';

/** The lanes stop within tens of milliseconds, and writers wait for it. */
const LOOK_EVERY_MS = 2;

/** `lsn`: told where the origins' progress may not be read. */
export async function awaitStopped(
  job: Job,
  { source, target }: { source: Session; target: Session },
  {
    marker,
    lsn,
    readsProgress,
    signal,
  }: { marker: MarkerPlan; lsn: Lsn; readsProgress: boolean; signal: AbortSignal },
): Promise<Stopped['lanes']> {
  const lanes: Stopped['lanes'] = [];
  for (const lane of marker.lanes) {
    await waitUntil({ seconds: Infinity, every: LOOK_EVERY_MS, signal }, async () => {
      const at = await lookForStop(target, lane, { marker: marker.marker, readsProgress });
      if (at && standsAt(at)) {
        lanes.push({ lane, lsn: at.lsn ?? lsn });
        return true;
      }
      // It was no drift: the schema has been compared.
      if (at?.change && at.workers === 0) await passChange(target, job.owner, { lane, change: at.change });
      return false;
    });
    const slot = slotOf(job.spec, lane);
    if (!(await isIdleWithin(source, slot, 60, LOOK_EVERY_MS)))
      throw new PgtrekError('STOP_FAILED', `Slot ${slot} stays active after the stop.`, { retryable: true });
  }
  await commitSynchronously(job, target);
  return lanes;
}
