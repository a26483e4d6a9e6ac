/** Where lanes of the other direction begin. */
import type { LaneName } from '../../contract/names.js';
import { slotLost } from '../lane/lost-slot.js';
import type { Session } from '../session.js';

const BEGIN_HERE_SQL = `
  SELECT /* pgtrek: begin-here */ slot_name::text AS lane, pg_replication_slot_advance(slot_name, pg_current_wal_flush_lsn())
  FROM pg_replication_slots WHERE slot_name = ANY ($1::text[]) AND database = current_database()`;

/**
 * Moves the slots of lanes that flow away from `primary` on to where its log ends now: what was applied there so far, by the lanes towards it,
 * never goes back. The lanes towards it stand, and their last commit is on disk; nobody else writes yet. It reads all of the log since the
 * slot stood last: called before the fence too, which is always harmless, it is quick inside. Throws SLOT_LOST.
 */
export async function beginHere(primary: Session, lanes: LaneName[]): Promise<void> {
  if (lanes.length === 0) return;
  const moved = await primary.query<{ lane: LaneName }>(BEGIN_HERE_SQL, [lanes]);
  const missing = lanes.filter((lane) => !moved.some((slot) => slot.lane === lane));
  if (missing.length > 0)
    throw slotLost(
      missing.map((lane) => ({
        lane,
        why: `is gone from ${primary.endpoint.host}:${primary.endpoint.port}`,
      })),
    );
}
