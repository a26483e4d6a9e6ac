/** Drops the slot of a lane that holds back too much WAL: the source must live, and the lane can be loaded again. */
import { escapeIdentifier } from 'pg';
import { PgtrekError } from '../../contract/errors.js';
import type { LaneName } from '../../contract/names.js';
import { bytesOf } from '../../contract/values.js';
import { withSource, withTarget } from '../job.js';
import type { Job } from '../job.js';
import type { Session } from '../session.js';
import { givenStart } from './lane-names.js';
import { dropSlot } from './slot.js';
import { isSubscribed } from './subscription.js';

const RETAINED_SQL = `
  SELECT /* pgtrek: weigh-slot */ coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::text AS retained
  FROM pg_replication_slots WHERE slot_name = $1`;

/**
 * The source first. A slot that is gone counts as dropped: an attempt before this one did it. One that holds back less
 * than the budget by now stays. Throws for a slot that was there before pgtrek.
 */
export async function giveSlotUp(
  job: Job,
  lane: LaneName,
): Promise<{ dropped: boolean; retainedBytes: string }> {
  if (givenStart(job.spec))
    throw new PgtrekError(
      'INTERNAL_ERROR',
      `The slot of ${lane} was there before pgtrek: it is not dropped.`,
    );
  const retained = await withSource(job, 'give-slot-up', async (source) => {
    const [slot] = await source.query<{ retained: string }>(RETAINED_SQL, [lane]);
    if (slot && isTooMuch(job, slot.retained)) await dropSlot(source, lane);
    return slot?.retained;
  });
  const dropped = retained === undefined || isTooMuch(job, retained);
  if (dropped) await disableIfThere(job, lane);
  return { dropped, retainedBytes: retained ?? '0' };
}

function isTooMuch({ spec }: Job, retained: string): boolean {
  return Number(retained) >= (bytesOf(spec.cdc.walBudget ?? '') ?? Infinity);
}

/** So that its worker does not look for the slot for ever. The target may be away, and that is what made the WAL pile up. */
async function disableIfThere(job: Job, lane: LaneName): Promise<void> {
  try {
    await withTarget(job, 'give-slot-up', (target) => disable(target, lane));
  } catch {
    job.signal?.throwIfAborted();
  }
}

async function disable(target: Session, lane: LaneName): Promise<void> {
  if (!(await isSubscribed(target, lane))) return;
  await target.query(`ALTER /* pgtrek: detach-slot */ SUBSCRIPTION ${escapeIdentifier(lane)} DISABLE`);
}
