/** Which lane carries a table: one at a time, or none. */
import type { LaneName } from '../../contract/names.js';
import { PgtrekError } from '../../contract/errors.js';
import type { Session } from '../session.js';

const ENTER_SQL = `
  INSERT /* pgtrek: enter-lane */ INTO pgtrek.lane (owner, lane, status) VALUES ($1, $2, 'loading')
  ON CONFLICT DO NOTHING`;

const HOLD_SQL = `
  SELECT /* pgtrek: hold-lane */ status FROM pgtrek.lane WHERE owner = $1 AND lane = $2 FOR SHARE`;

/** Its status, if the ledger knows it. The row stays locked to the end of the transaction: nobody gives the lane up before. */
export async function holdLane(target: Session, owner: string, lane: LaneName): Promise<string | undefined> {
  const [row] = await target.query<{ status: string }>(HOLD_SQL, [owner, lane]);
  return row?.status;
}

/** Holds it too. Throws SNAPSHOT_LOST when nothing is to be copied for it any more. */
export async function requireLoading(target: Session, owner: string, lane: LaneName): Promise<void> {
  if ((await holdLane(target, owner, lane)) === 'loading') return;
  throw new PgtrekError('SNAPSHOT_LOST', `Lane ${lane} was given up.`, { object: lane });
}

/**
 * Of `r`, a relation of the ledger: its lane has copied all of it, whole or part by part. A partitioned table has no rows
 * of its own.
 */
export const IS_COPIED = `(
  SELECT coalesce(
    bool_or(c.part = 0) OR count(*) = nullif(
      (SELECT count(*) FROM pgtrek.part p WHERE p.owner = r.owner AND p.relation = r.id), 0),
    false)
  FROM pgtrek.copied c WHERE c.owner = r.owner AND c.lane = r.lane AND c.relation = r.id)`;

/** Filenodes are noted before the publication is made: from then on the lane takes nothing more. */
const CLAIM_SQL = `
  UPDATE /* pgtrek: claim-tables */ pgtrek.relation SET lane = $2
  WHERE owner = $1 AND lane IS NULL AND kind IN ('r', 'p')
    AND NOT EXISTS (SELECT FROM pgtrek.filenode WHERE owner = $1 AND lane = $2)`;

/** The same for one group: the lane's own, or the first of which a table waits. What has none waits for the last lane. */
const CLAIM_GROUP_SQL = `
  WITH waiting AS (
    SELECT r.id, r.lane, coalesce(g.n, 2147483647) AS n
    FROM pgtrek.relation r LEFT JOIN pgtrek.lane_group g ON g.owner = r.owner AND g.root = r.root
    WHERE r.owner = $1 AND (r.lane IS NULL OR r.lane = $2) AND r.kind IN ('r', 'p')
  )
  UPDATE /* pgtrek: claim-group */ pgtrek.relation r SET lane = $2
  FROM waiting w
  WHERE r.owner = $1 AND r.id = w.id AND w.lane IS NULL
    AND w.n = (SELECT coalesce(min(n) FILTER (WHERE lane = $2), min(n)) FROM waiting)
    AND NOT EXISTS (SELECT FROM pgtrek.filenode WHERE owner = $1 AND lane = $2)`;

const WAITING_SQL = `
  SELECT /* pgtrek: count-waiting */ count(*)::int AS waiting FROM pgtrek.relation
  WHERE owner = $1 AND lane IS NULL AND kind IN ('r', 'p')`;

/**
 * Enters the lane and gives it all tables that belong to none, or one group of them; a table that is set free after its
 * publication was made is for a lane to come. `waiting`: how many relations still belong to none. Throws SUPERSEDED when
 * the lane was given up.
 */
export async function claimTables(
  target: Session,
  owner: string,
  { lane, inGroups }: { lane: LaneName; inGroups: boolean },
): Promise<{ waiting: number }> {
  return target.transaction(async () => {
    await target.query(ENTER_SQL, [owner, lane]);
    const status = await holdLane(target, owner, lane);
    if (status === 'dropped')
      throw new PgtrekError('SUPERSEDED', `Lane ${lane} was given up.`, { object: lane });
    if (status === 'loading') await target.query(inGroups ? CLAIM_GROUP_SQL : CLAIM_SQL, [owner, lane]);
    return target.one<{ waiting: number }>(WAITING_SQL, [owner]);
  });
}

const RELEASE_SQL = `
  WITH released AS (
    UPDATE /* pgtrek: release-tables */ pgtrek.relation SET lane = NULL
    WHERE owner = $1 AND lane = $2 AND ($3::int[] IS NULL OR id = ANY ($3))
    RETURNING id
  )
  DELETE FROM pgtrek.filenode WHERE owner = $1 AND lane = $2 AND relation IN (SELECT id FROM released)`;

/**
 * Takes tables out of a lane: these (ledger ids, leaves and roots alike), or all. Waits for transactions that copy them
 * in the name of the lane, and none can begin afterwards.
 */
export async function releaseTables(
  target: Session,
  owner: string,
  lane: LaneName,
  tables?: number[],
): Promise<void> {
  await target.query(RELEASE_SQL, [owner, lane, tables ?? null]);
}
