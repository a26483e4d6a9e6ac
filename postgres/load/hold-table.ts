/** Keeps a table in its lane while a transaction writes its rows. */
import { PgtrekError } from '../../contract/errors.js';
import type { LaneName } from '../../contract/names.js';
import { refuseWayBack } from '../reverse/way-back.js';
import type { Session } from '../session.js';

const HOLD_SQL = `
  SELECT /* pgtrek: hold-lane */ l.status FROM pgtrek.lane l
    JOIN pgtrek.relation r ON r.owner = l.owner AND r.lane = l.lane AND r.id = $3
  WHERE l.owner = $1 AND l.lane = $2
  FOR SHARE`;

/**
 * In the transaction that writes: a lane that was given up, and one that the table was taken out of, write no more; and
 * neither can happen before this transaction ends. Throws SNAPSHOT_LOST, LOAD_OR_WAY_BACK.
 */
export async function holdTable(
  target: Session,
  owner: string,
  lane: LaneName,
  { id, qualified }: { id: number; qualified: string },
): Promise<void> {
  await refuseWayBack(target, owner);
  const [row] = await target.query<{ status: string }>(HOLD_SQL, [owner, lane, id]);
  if (row?.status === 'loading') return;
  throw new PgtrekError('SNAPSHOT_LOST', `Lane ${lane} was given up, or ${qualified} taken out of it.`, {
    object: lane,
  });
}
