/** A slot that was there before pgtrek, handed back: moved on to where the target stands. */
import { escapeIdentifier } from 'pg';
import { PgtrekError } from '../../contract/errors.js';
import type { LaneName, Lsn } from '../../contract/names.js';
import { withSource } from '../job.js';
import type { Job } from '../job.js';
import type { Session } from '../session.js';
import { waitUntil } from '../wait-until.js';
import { mayReadProgress } from './origin.js';
import { isIdleWithin } from './slot.js';
import { isSubscribed } from './subscription.js';

const PROGRESS_SQL = `
  SELECT /* pgtrek: read-progress */
    (SELECT count(*)::int FROM pg_stat_subscription w WHERE w.subname = s.subname AND w.pid IS NOT NULL) AS workers,
    CASE WHEN $2 THEN pg_replication_origin_progress('pg_' || s.oid, true)::text END AS applied
  FROM pg_subscription s
  WHERE s.subname = $1 AND s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())`;

/**
 * Before its subscription is dropped, and with it the knowledge of what was applied: a slot confirms later than the target
 * applies, so its next reader would get the last changes twice. Returns what to tell where that cannot be avoided.
 */
export async function releaseSlot(
  job: Job,
  target: Session,
  { lane, slot }: { lane: LaneName; slot: string },
): Promise<string | undefined> {
  if (!(await isSubscribed(target, lane))) return undefined;
  const granted = await mayReadProgress(target);
  await target.query(`ALTER /* pgtrek: detach-slot */ SUBSCRIPTION ${escapeIdentifier(lane)} DISABLE`);
  let applied: string | null = null;
  const idle = await waitUntil({ seconds: 30, signal: job.signal }, async () => {
    const [at] = await target.query<{ workers: number; applied: string | null }>(PROGRESS_SQL, [
      lane,
      granted,
    ]);
    applied = at?.applied ?? null;
    return (at?.workers ?? 0) === 0;
  });
  if (!idle) throw stillUsed(slot, 'the target');
  if (applied === null) {
    return granted
      ? undefined
      : `${job.spec.target.user} may not read how far the target has applied, so slot ${slot} stays where it has confirmed: its next reader may get the last changes twice.`;
  }
  await withSource(job, 'cleanup', (source) => advance(source, slot, applied as Lsn | null));
  return undefined;
}

const ADVANCE_SQL = `
  SELECT /* pgtrek: advance-slot */ pg_replication_slot_advance(slot_name, $2::pg_lsn)
  FROM pg_replication_slots WHERE slot_name = $1 AND confirmed_flush_lsn < $2::pg_lsn`;

async function advance(source: Session, slot: string, to: Lsn | null): Promise<void> {
  if (!(await isIdleWithin(source, slot, 30))) throw stillUsed(slot, 'the source');
  await source.query(ADVANCE_SQL, [slot, to]);
}

function stillUsed(slot: string, where: string): PgtrekError {
  return new PgtrekError('CLEANUP_INCOMPLETE', `Slot ${slot} stays in use on ${where}.`, {
    object: slot,
    retryable: true,
  });
}
