/** A replication slot that cannot be read from any more, and why: the changes that it kept are gone. */
import { PgtrekError } from '../../contract/errors.js';
import type { LaneName } from '../../contract/names.js';
import type { Spec } from '../../contract/spec.js';
import type { Session } from '../session.js';
import { slotOf } from './lane-names.js';

export interface SlotHealth {
  /** Null: there is no such slot. */
  walStatus: string | null;
  /** Of 17 and newer: wal_removed, rows_removed, wal_level_insufficient, idle_timeout. Of 16: conflict. */
  invalidation: string | null;
  /** It has moved past changes that the target does not have. */
  isAhead?: boolean;
}

/** Columns of `pg_replication_slots s` that some versions lack. */
export const HEALTH_COLUMNS = `
  to_jsonb(s)->>'wal_status' AS wal_status,
  coalesce(to_jsonb(s)->>'invalidation_reason',
    CASE WHEN (to_jsonb(s)->>'conflicting')::boolean THEN 'conflict' END) AS invalidation`;

/** Undefined while changes can be read from it. */
export function whyLost({ walStatus, invalidation, isAhead }: SlotHealth): string | undefined {
  if (walStatus === null) return 'is gone from the source';
  if (invalidation !== null) return `was invalidated: ${INVALIDATED[invalidation] ?? invalidation}`;
  if (walStatus === 'lost') return `was invalidated: ${WAL_REMOVED}`;
  return isAhead
    ? 'stands past changes that the target does not have: the target has gone back, or somebody moved the slot on'
    : undefined;
}

const WAL_REMOVED = 'the source has removed WAL that it needed (max_slot_wal_keep_size)';

const INVALIDATED: Record<string, string> = {
  wal_removed: WAL_REMOVED,
  rows_removed: 'the source has removed rows of its catalog that it needed (horizon)',
  wal_level_insufficient: 'wal_level of the source was set below logical',
  idle_timeout: 'nobody read from it for longer than idle_replication_slot_timeout of the source',
  conflict: 'it was in conflict with the recovery of a standby (rows removed, or wal_level below logical)',
};

export interface LostSlot {
  lane: LaneName;
  why: string;
}

/** SLOT_LOST; its object names the lanes, separated by commas. */
export function slotLost(lost: LostSlot[]): PgtrekError {
  const told = lost.map(({ lane, why }) => `The replication slot of ${lane} ${why}.`);
  return new PgtrekError('SLOT_LOST', told.join(' '), {
    object: lost.map(({ lane }) => lane).join(', '),
    remedy: 'Changes are lost: pgtrek abort, then start again.',
  });
}

const SLOTS_SQL = `
  SELECT /* pgtrek: look-for-lost-slots */ slot_name AS slot, ${HEALTH_COLUMNS}
  FROM pg_replication_slots s WHERE slot_name = ANY ($1::text[])`;

interface SlotRow {
  slot: string;
  wal_status: string | null;
  invalidation: string | null;
}

/** Before lanes are subscribed, or go on: the server itself only tries again and again. Throws SLOT_LOST. */
export async function requireSlots(source: Session, spec: Spec, lanes: LaneName[]): Promise<void> {
  const rows = await source.query<SlotRow & Record<string, unknown>>(SLOTS_SQL, [
    lanes.map((lane) => slotOf(spec, lane)),
  ]);
  const slots = new Map(rows.map((row) => [row.slot, row]));
  const lost = lanes.flatMap((lane) => {
    const slot = slots.get(slotOf(spec, lane));
    const why = whyLost({
      walStatus: slot ? (slot.wal_status ?? 'unknown') : null,
      invalidation: slot?.invalidation ?? null,
    });
    return why === undefined ? [] : [{ lane, why }];
  });
  if (lost.length > 0) throw slotLost(lost);
}
