/** A lane that could not copy all of its tables: it keeps those that are whole, and the others leave it. */
import { escapeIdentifier } from 'pg';
import { PgtrekError } from '../../contract/errors.js';
import type { LaneName } from '../../contract/names.js';
import { withSource, withTarget } from '../job.js';
import type { Job } from '../job.js';
import { IS_COPIED, releaseTables } from '../ledger/lane-tables.js';
import { dropIndexes } from '../load/drop-indexes.js';
import { dropTriggers } from '../load/drop-triggers.js';
import { refuseWayBack } from '../reverse/way-back.js';
import type { Session } from '../session.js';
import { endBackends, takeOver } from '../take-over.js';

/**
 * Before its subscription exists. First nothing can be copied for it any more, then tables leave it, on the target and
 * then in the publication: repeated after a crash, it goes on where it was. `left` are ledger ids.
 */
export async function reduceLane(job: Job, lane: LaneName): Promise<{ tables: number; left: number[] }> {
  requireLoad(job, lane);
  const kept = await withTarget(job, 'cleanup', async (target) => {
    await takeOver(target, job.owner, 'cleanup');
    await refuseWayBack(target, job.owner);
    await endCopies(job, target);
    await closeLane(target, { owner: job.owner, lane }, 'copied');
    await emptyLane(target, { owner: job.owner, lane }, 'copied');
    return readKept(target, job.owner, lane);
  });
  await withSource(job, 'cleanup', async (source) => {
    await endCopies(job, source);
    await reducePublication(source, lane, kept.published);
  });
  return { tables: kept.published.length, left: kept.left };
}

/** Where no load was asked for, rows are never ours: on the way back they are the old primary's. */
export function requireLoad({ spec }: Job, lane: LaneName): void {
  if (spec.mode === 'cdc')
    throw new PgtrekError('INTERNAL_ERROR', `Mode cdc loads nothing: tables of ${lane} are not emptied.`);
}

/** Copies and keepers of the snapshot; whoever builds indexes goes on. */
async function endCopies(job: Job, session: Session): Promise<void> {
  for (const step of ['copy', 'large-objects', 'snapshot']) await endBackends(job, session, step);
}

interface Lane {
  owner: string;
  lane: LaneName;
}

/** Nothing is copied for the lane any more, as copies hold its row while they write; nor is it subscribed when dropped. */
export async function closeLane(
  target: Session,
  { owner, lane }: Lane,
  status: 'copied' | 'dropped',
): Promise<void> {
  await target.query(CLOSE_SQL, [owner, lane, status]);
}

/** Of a lane that is closed: as `copied` those tables leave it that are not whole, as `dropped` all. */
export async function emptyLane(target: Session, lane: Lane, status: 'copied' | 'dropped'): Promise<void> {
  const values = [lane.owner, lane.lane];
  const leaving = await target.query<{ id: number }>(
    status === 'copied' ? UNFINISHED_SQL : CARRIED_SQL,
    values,
  );
  await takeAway(
    target,
    lane,
    leaving.map(({ id }) => id),
  );
}

const CLOSE_SQL = `
  UPDATE /* pgtrek: close-lane */ pgtrek.lane SET status = $3 WHERE owner = $1 AND lane = $2`;

const CARRIED_SQL = `
  SELECT /* pgtrek: read-carried */ id FROM pgtrek.relation WHERE owner = $1 AND lane = $2 ORDER BY id`;

/** A partitioned table is whole when all tables below it are. */
const UNFINISHED_SQL = `
  SELECT /* pgtrek: find-unfinished */ f.id
  FROM pgtrek.relation f
  WHERE f.owner = $1 AND f.lane = $2 AND f.root IN (
    SELECT r.root FROM pgtrek.relation r
    WHERE r.owner = $1 AND r.lane = $2 AND r.kind = 'r' AND r.has_data AND NOT ${IS_COPIED})
  ORDER BY f.id`;

/** So many tables are emptied in one transaction: each takes several locks. */
const AT_ONCE = 200;

/** Tables are empty again, without the triggers and indexes that were made, and belong to no lane. */
async function takeAway(target: Session, { owner, lane }: Lane, tables: number[]): Promise<void> {
  for (let from = 0; from < tables.length; from += AT_ONCE) {
    const some = tables.slice(from, from + AT_ONCE);
    await dropTriggers(target, owner, some);
    await dropIndexes(target, owner, some);
    await target.transaction(async () => {
      await refuseWayBack(target, owner);
      const [list] = await target.query<{ list: string | null }>(FILLED_SQL, [owner, some]);
      if (list?.list) await target.query(`TRUNCATE /* pgtrek: empty-tables */ ONLY ${list.list}`);
      await target.query(FORGET_SQL, [owner, some]);
      await releaseTables(target, owner, lane, some);
    });
  }
}

/** Whether we have copied their rows, the server itself, or they came as changes. */
const FILLED_SQL = `
  SELECT /* pgtrek: find-filled */ string_agg(r.qualified, ', ONLY ') AS list
  FROM pgtrek.relation r
  WHERE r.owner = $1 AND r.id = ANY ($2::int[]) AND r.kind = 'r' AND r.has_data
    AND pg_relation_size(to_regclass(r.qualified)) > 0`;

const FORGET_SQL = `
  WITH parts AS (
    DELETE FROM pgtrek.part WHERE owner = $1 AND relation = ANY ($2::int[])
  )
  DELETE /* pgtrek: leave-lane */ FROM pgtrek.copied WHERE owner = $1 AND relation = ANY ($2::int[])`;

const KEPT_SQL = `
  SELECT /* pgtrek: read-kept */
    ARRAY(SELECT oid FROM pgtrek.relation
      WHERE owner = $1 AND lane = $2 AND kind IN ('r', 'p') AND root = id AND is_logged AND has_data
        -- Without any rows it has nothing to keep, and perhaps no slot.
        AND EXISTS (SELECT FROM pgtrek.copied c WHERE c.owner = $1 AND c.lane = $2))::int8[]::text[] AS published,
    ARRAY(SELECT id FROM pgtrek.relation WHERE owner = $1 AND lane IS NULL AND kind = 'r') AS left`;

async function readKept(
  target: Session,
  owner: string,
  lane: LaneName,
): Promise<{ published: number[]; left: number[] }> {
  const { published, left } = await target.one<{ published: string[]; left: number[] }>(KEPT_SQL, [
    owner,
    lane,
  ]);
  return { published: published.map(Number), left };
}

const LEAVING_SQL = `
  SELECT /* pgtrek: find-leaving */ format('%I.%I', n.nspname, c.relname) AS name
  FROM pg_publication_rel r
    JOIN pg_publication p ON p.oid = r.prpubid
    JOIN pg_class c ON c.oid = r.prrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE p.pubname = $1 AND n.nspname <> 'pgtrek' AND r.prrelid <> ALL ($2::oid[])`;

/** Changes of the tables that leave are sent up to here, and ignored: the subscription does not know them. */
async function reducePublication(source: Session, lane: LaneName, kept: number[]): Promise<void> {
  const leaving = await source.query<{ name: string }>(LEAVING_SQL, [lane, kept]);
  if (leaving.length === 0) return;
  await source.transaction(async () => {
    // Each table is locked for a moment; behind a long ALTER this must give up, or writers wait behind it.
    await source.query(`SET LOCAL lock_timeout = '5s'`);
    await source.query(
      `ALTER /* pgtrek: reduce-publication */ PUBLICATION ${escapeIdentifier(lane)} DROP TABLE ONLY ${leaving.map(({ name }) => name).join(', ONLY ')}`,
    );
  });
}
