/** Which tables flow back: those that lanes carry here, whatever else lives beside them. */
import type { Job } from '../job.js';
import type { LaneName } from '../../contract/names.js';
import { releaseTables } from '../ledger/lane-tables.js';
import { readRelations, rootOf } from '../selection.js';
import type { Selection } from '../selection.js';
import type { Session } from '../session.js';

const CARRIED_SQL = `
  SELECT /* pgtrek: read-carried-names */ qualified, lane IS NOT NULL AND has_data AS "hasData"
  FROM pgtrek.relation WHERE owner = $1`;

/**
 * Relations of the source that its own ledger of the run names, with partitions that are new there; sequences too, so
 * that they can be set. Names are the same on both ends.
 */
export async function selectCarried(
  { owner }: Job,
  source: Session,
): Promise<Pick<Selection, 'selected' | 'withoutData'>> {
  const carried = await source.query<{ qualified: string; hasData: boolean }>(CARRIED_SQL, [owner]);
  const hasData = new Map(carried.map((row) => [row.qualified, row.hasData]));
  const relations = await readRelations(source);
  const known = new Map(
    relations.filter(({ qualified }) => hasData.has(qualified)).map((relation) => [relation.oid, relation]),
  );
  const byOid = new Map(relations.map((relation) => [relation.oid, relation]));
  const topOf = (oid: number): number => {
    const parent = byOid.get(oid)?.partitionOf ?? null;
    return known.has(oid) || parent === null ? oid : topOf(parent);
  };
  const selected = relations.filter(({ oid }) => known.has(topOf(oid)));
  const chosen = new Map(selected.map((relation) => [relation.oid, relation]));
  const isCarried = (oid: number) => hasData.get(chosen.get(oid)?.qualified ?? '') === true;
  return {
    selected,
    withoutData: new Set(
      selected.filter((relation) => !isCarried(rootOf(relation, chosen))).map(({ oid }) => oid),
    ),
  };
}

const LANES_SQL = `
  SELECT /* pgtrek: read-carrying-lanes */ DISTINCT lane FROM pgtrek.relation
  WHERE owner = $1 AND lane IS NOT NULL ORDER BY 1`;

const PUBLISHED_SQL = `
  SELECT /* pgtrek: look-for-publications */ pubname::text AS lane FROM pg_publication WHERE pubname = ANY ($1::text[])`;

/** Takes the tables out of lanes that were closed. True when none carries any: what is entered may be entered anew. */
export async function freeTables({ owner }: Job, source: Session, target: Session): Promise<boolean> {
  const lanes = (await target.query<{ lane: LaneName }>(LANES_SQL, [owner])).map(({ lane }) => lane);
  const published = new Set(
    (await source.query<{ lane: LaneName }>(PUBLISHED_SQL, [lanes])).map(({ lane }) => lane),
  );
  for (const lane of lanes) if (!published.has(lane)) await releaseTables(target, owner, lane);
  return lanes.every((lane) => !published.has(lane));
}

const HAS_ARCHIVE_SQL = `
  SELECT /* pgtrek: look-for-archive */ FROM pgtrek.archive WHERE owner = $1`;

const FORGET_SQL = `
  WITH groups AS (DELETE FROM pgtrek.lane_group WHERE owner = $1)
  DELETE /* pgtrek: forget-tables */ FROM pgtrek.relation WHERE owner = $1`;

const RENEW_SQL = `
  UPDATE /* pgtrek: renew-tables */ pgtrek.relation r SET oid = n.oid
  FROM unnest($2::text[], $3::oid[]) AS n (qualified, oid)
  WHERE r.owner = $1 AND r.qualified = n.qualified AND r.oid <> n.oid`;

/**
 * In the transaction that enters them: a ledger without a dump is written anew (true); one of a load keeps what it knows
 * of the tables, and only learns which they are by now.
 */
export async function forgetTables(
  target: Session,
  owner: string,
  relations: { qualified: string; oid: number }[],
): Promise<boolean> {
  if ((await target.query(HAS_ARCHIVE_SQL, [owner])).length === 0) {
    await target.query(FORGET_SQL, [owner]);
    return true;
  }
  await target.query(RENEW_SQL, [
    owner,
    relations.map(({ qualified }) => qualified),
    relations.map(({ oid }) => oid),
  ]);
  return false;
}
