/** Removes lanes that are not needed any more, and leaves their tables as they are. */
import type { Removed } from '../../contract/activities.js';
import type { LaneName } from '../../contract/names.js';
import { attempt, LOCK_TIMEOUT_SQL, removeLane } from '../cleanup/remove-objects.js';
import { withSource, withTarget } from '../job.js';
import type { Job } from '../job.js';
import { removeDdlTrigger } from '../lane/ddl-trigger.js';
import { whatStays } from '../lane/given-publication.js';
import { dropJournal } from '../lane/journal.js';
import { givenStart } from '../lane/lane-names.js';
import { closeLane } from '../lane/reduce.js';
import { releaseSlot } from '../lane/release-slot.js';
import { dropSubscription } from '../lane/subscription.js';
import type { Session } from '../session.js';
import { takeOver } from '../take-over.js';

/**
 * From both ends: subscription, slot, publication, journal, and what stops lanes at changes of the schema. Repeated, it removes what
 * is left. An end that cannot be reached, or where somebody holds a journal, is a leftover.
 */
export async function closeLanes(job: Job, lanes: LaneName[]): Promise<Removed> {
  const given = givenStart(job.spec);
  const notes = given ? [whatStays(given)] : [];
  const leftovers = [
    ...(await attempt('the target', () =>
      withTarget(job, 'cleanup', (target) => closeOnTarget(job, target, { lanes, notes })),
    )),
    ...(await attempt('the source', () =>
      withSource(job, 'cleanup', (source) => closeOnSource(job, source, lanes)),
    )),
  ];
  return { leftovers, notes };
}

async function closeOnTarget(
  job: Job,
  target: Session,
  { lanes, notes }: { lanes: LaneName[]; notes: string[] },
): Promise<void> {
  await takeOver(target, job.owner, 'cleanup');
  await target.query(LOCK_TIMEOUT_SQL);
  const given = givenStart(job.spec);
  for (const lane of lanes) {
    const told = given && (await releaseSlot(job, target, { lane, slot: given.slot }));
    if (told) notes.push(told);
    await closeLane(target, { owner: job.owner, lane }, 'dropped');
    await dropSubscription(target, lane);
    await dropJournal(target, lane);
  }
}

async function closeOnSource(job: Job, source: Session, lanes: LaneName[]): Promise<void> {
  // First: it writes to the journals.
  await removeDdlTrigger(job, source);
  for (const lane of lanes) await removeLane(source, lane);
}
