/** A split table starts empty: its parts add rows, and none of them can take away what another lane has left. */
import type { LaneName } from '../../contract/names.js';
import type { Session } from '../session.js';
import { holdTable } from './hold-table.js';

interface SplitTable {
  id: number;
  qualified: string;
  parts: number[];
  /** Parts that the lane has copied. */
  copied: number[];
}

/** Leaves those alone of which the lane has copied a part. Throws SNAPSHOT_LOST when the lane was given up. */
export async function emptySplitTables(
  target: Session,
  owner: string,
  lane: LaneName,
  tables: SplitTable[],
): Promise<void> {
  for (const table of tables) {
    if (table.parts.length === 0 || table.copied.length > 0) continue;
    const rows = await target.query(
      `SELECT /* pgtrek: look-for-rows */ FROM ONLY ${table.qualified} LIMIT 1`,
    );
    if (rows.length > 0) await empty(target, owner, lane, table);
  }
}

/** A part of a stale plan may commit until the lock is there, and counts. */
async function empty(target: Session, owner: string, lane: LaneName, table: SplitTable): Promise<void> {
  await target.transaction(async () => {
    await holdTable(target, owner, lane, table);
    await target.query(`LOCK TABLE ONLY ${table.qualified} IN ACCESS EXCLUSIVE MODE`);
    const copied = await target.query(
      `SELECT /* pgtrek: look-for-parts */ FROM pgtrek.copied
       WHERE owner = $1 AND lane = $2 AND relation = $3 LIMIT 1`,
      [owner, lane, table.id],
    );
    if (copied.length > 0) return;
    await target.query(`TRUNCATE /* pgtrek: empty-split-table */ ONLY ${table.qualified}`);
  });
}
