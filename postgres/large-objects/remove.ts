/** Removes large objects that the ledger knows as ours. */
import type { Session } from '../session.js';
import { readBatchSize } from './batch.js';
import { oidsOf } from './objects.js';

const FORGET_SQL = `
  DELETE /* pgtrek: forget-large-objects */ FROM pgtrek.large_object d
  WHERE d.owner = $1 AND d.oid IN (
    SELECT l.oid FROM pgtrek.large_object l
    WHERE l.owner = $1 AND ($2::text[] IS NULL OR l.lane = ANY ($2::text[])) LIMIT $3
  )
  RETURNING d.oid`;

const UNLINK_SQL = `
  SELECT /* pgtrek: unlink-large-objects */ lo_unlink(m.oid) FROM pg_largeobject_metadata m
  WHERE m.oid = ANY ($1::oid[])`;

/** All of the owner's, or those of some lanes only, with their rows in the ledger. Returns how many there were. */
export async function removeLargeObjects(target: Session, owner: string, lanes?: string[]): Promise<number> {
  const size = await readBatchSize(target);
  for (let removed = 0; ;) {
    const oids = await target.transaction(async () => {
      const forgotten = oidsOf(await target.query<{ oid: number }>(FORGET_SQL, [owner, lanes ?? null, size]));
      await target.query(UNLINK_SQL, [forgotten]);
      return forgotten;
    });
    removed += oids.length;
    if (oids.length < size) return removed;
  }
}

const GIVEN_UP_SQL = `
  SELECT /* pgtrek: find-given-up-lanes */ l.lane FROM pgtrek.lane l
  WHERE l.owner = $1 AND l.status = 'dropped'
    AND EXISTS (SELECT FROM pgtrek.large_object o WHERE o.owner = l.owner AND o.lane = l.lane)`;

/** Those that were copied from the snapshot of a lane that was given up: they would not fit the rows of the next one. */
export async function removeOfGivenUpLanes(target: Session, owner: string): Promise<void> {
  const lanes = await target.query<{ lane: string }>(GIVEN_UP_SQL, [owner]);
  if (lanes.length > 0)
    await removeLargeObjects(
      target,
      owner,
      lanes.map(({ lane }) => lane),
    );
}
