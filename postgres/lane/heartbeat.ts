/** A row of a lane's journal that is written anew on the source: once it is on the target, so is all that committed before. */
import type { LaneName } from '../../contract/names.js';
import type { Session } from '../session.js';
import { journalTable } from './journal.js';

/** Its time, by the source's clock, never goes back, whatever the clock does and whoever else sends one. */
export async function sendHeartbeat(source: Session, lane: LaneName, owner: string): Promise<string> {
  const { at } = await source.one<{ at: string }>(
    `INSERT /* pgtrek: heartbeat */ INTO ${journalTable(lane)} AS j (id, kind, owner, lanes, payload, at)
     VALUES ('heartbeat', 'heartbeat', $1, ARRAY[$2], '{}', clock_timestamp())
     ON CONFLICT (id) DO UPDATE SET at = greatest(excluded.at, j.at + interval '1 microsecond')
     RETURNING at::text`,
    [owner, lane],
  );
  return at;
}

/** Whether the target has it, or a later one. */
export async function hasHeartbeat(target: Session, lane: LaneName, at: string): Promise<boolean> {
  const rows = await target.query(
    `SELECT /* pgtrek: look-for-heartbeat */ FROM ${journalTable(lane)}
     WHERE id = 'heartbeat' AND at >= $1::timestamptz`,
    [at],
  );
  return rows.length > 0;
}
