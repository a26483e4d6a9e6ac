/** Where lanes of the other direction begin. */
import type { LaneName } from '../../contract/names.js';
import type { Session } from '../session.js';

const BEGIN_HERE_SQL = `
  SELECT /* pgtrek: begin-here */ pg_replication_slot_advance(slot_name, pg_current_wal_flush_lsn())
  FROM pg_replication_slots WHERE slot_name = ANY ($1::text[]) AND database = current_database()`;

/**
 * Moves the slots of lanes that flow away from `primary` on to where its log ends now: what was applied there so far, by the lanes towards it,
 * never goes back. The lanes towards it stand, and their last commit is on disk; nobody else writes yet.
 */
export async function beginHere(primary: Session, lanes: LaneName[]): Promise<void> {
  if (lanes.length > 0) await primary.query(BEGIN_HERE_SQL, [lanes]);
}
