/** A slot without a snapshot of ours: a new one, or the one that mode cdc was given. */
import { PgtrekError } from '../../contract/errors.js';
import { compareLsn } from '../../contract/names.js';
import type { LaneName, Lsn } from '../../contract/names.js';
import { explained } from '../classify-error.js';
import { withEnds } from '../job.js';
import type { Job } from '../job.js';
import { compareSchema } from '../load/compare-schema.js';
import { isWayBack } from '../reverse/way-back.js';
import type { Session } from '../session.js';
import { takeOver } from '../take-over.js';
import { givenStart, slotOf } from './lane-names.js';
import type { GivenStart } from './lane-names.js';
import { createSlot, dropSlot } from './slot.js';
import { isSubscribed } from './subscription.js';

const SLOT_SQL = `
  SELECT /* pgtrek: find-slot */ confirmed_flush_lsn::text AS lsn FROM pg_replication_slots
  WHERE slot_name = $1 AND database = current_database()`;

/**
 * Once the subscription exists the slot is its own, and is left alone. One of the way back is left alone as soon as it is
 * whole: a late attempt must not make it anew when it has been moved on to where changes begin to flow back.
 */
export async function makeSlot(job: Job, lane: LaneName): Promise<{ lsn: Lsn }> {
  return withEnds(job, 'slot', async (source, target) => {
    await takeOver(target, job.owner, 'slot');
    const slot = slotOf(job.spec, lane);
    if (!(await isSubscribed(target, lane))) {
      const given = givenStart(job.spec);
      if (given) await moveSlot(source, given);
      else if (!(await isWayBack(job, source)) || !(await isWhole(source, lane)))
        await makeAnew(job, lane, source);
    }
    const { lsn } = await source.one<{ lsn: Lsn }>(SLOT_SQL, [slot]);
    return { lsn };
  });
}

const WHOLE_SQL = `
  SELECT /* pgtrek: look-for-whole-slot */ FROM pg_replication_slots
  WHERE slot_name = $1 AND database = current_database() AND NOT active AND confirmed_flush_lsn IS NOT NULL
    AND coalesce(wal_status, '') <> 'lost'`;

/** One that is being made is active. */
async function isWhole(source: Session, lane: LaneName): Promise<boolean> {
  return (await source.query(WHOLE_SQL, [lane])).length > 0;
}

/** Nothing has read from one that an earlier attempt made, or half made. */
async function makeAnew(job: Job, lane: LaneName, source: Session): Promise<void> {
  await dropSlot(source, lane);
  const { session } = await createSlot(job, lane);
  await session.close();
  // What was created between the dump and the slot is in neither.
  if (job.spec.mode !== 'cdc') await compareSchema(job, source);
}

/** An advance confirms exactly the position: what commits from there on is sent. */
async function moveSlot(source: Session, { slot, lsn }: GivenStart): Promise<void> {
  const [found] = await source.query<{ lsn: Lsn }>(SLOT_SQL, [slot]);
  if (!found) {
    throw new PgtrekError('SLOT_LOST', `The source has no slot ${slot} of this database.`, {
      object: slot,
      remedy: 'Name an existing slot in cdc.start, and start again.',
    });
  }
  if (lsn === undefined || compareLsn(found.lsn, lsn) === 0) return;
  if (compareLsn(found.lsn, lsn) > 0) {
    throw new PgtrekError(
      'SLOT_LOST',
      `Slot ${slot} stands at ${found.lsn} already, past ${lsn}: what lies between is not kept for it.`,
      { object: slot, remedy: 'Start again with a later cdc.start.lsn, or without one.' },
    );
  }
  await explained({ doing: `move slot ${slot} to ${lsn}`, object: slot }, () =>
    source.query('SELECT /* pgtrek: advance-slot */ pg_replication_slot_advance($1, $2)', [slot, lsn]),
  );
}
