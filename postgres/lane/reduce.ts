/** A lane that could not copy all of its tables: it keeps those that are whole, and the others leave it. */
import { escapeIdentifier } from 'pg';
import type { LaneName } from '../../contract/names.js';
import { withSource, withTarget } from '../job.js';
import type { Job } from '../job.js';
import { releaseTables } from '../ledger/lane-tables.js';
import { dropIndexes } from '../load/drop-indexes.js';
import { purposeOf } from '../purpose.js';
import type { Session } from '../session.js';
import { takeOver } from '../take-over.js';

/**
 * Before its subscription exists. First nothing can be copied for it any more, then tables leave it, on the target and
 * then in the publication: repeated after a crash, it goes on where it was. `left` are ledger ids.
 */
export async function reduceLane(job: Job, lane: LaneName): Promise<{ tables: number; left: number[] }> {
  const kept = await withTarget(job, 'cleanup', async (target) => {
    await takeOver(target, job.owner, 'cleanup');
    await endCopies(job, target);
    await closeLane(target, job.owner, lane, 'copied');
    const unfinished = await target.query<{ id: number }>(UNFINISHED_SQL, [job.owner, lane]);
    await takeAway(
      target,
      { owner: job.owner, lane },
      unfinished.map(({ id }) => id),
    );
    return readKept(target, job.owner, lane);
  });
  await withSource(job, 'cleanup', async (source) => {
    await endCopies(job, source);
    await reducePublication(source, lane, kept.published);
  });
  return { tables: kept.published.length, left: kept.left };
}

/** In this run nothing is copied for the lane any more: parts hold its row while they write. */
export async function closeLane(
  target: Session,
  owner: string,
  lane: LaneName,
  status: 'copied' | 'dropped',
): Promise<void> {
  await target.query(
    `UPDATE /* pgtrek: close-lane */ pgtrek.lane SET status = $3 WHERE owner = $1 AND lane = $2`,
    [owner, lane, status],
  );
}

/** Copies and keepers of the snapshot; whoever builds indexes goes on. */
async function endCopies(job: Job, session: Session): Promise<void> {
  await session.query(
    `SELECT /* pgtrek: end-copies */ pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = ANY ($1::text[])`,
    [['copy', 'large-objects', 'snapshot'].map((step) => purposeOf(job.name, job.owner, step))],
  );
}

/** A table is whole when every part of it is in; a partitioned one when all below it are. */
const UNFINISHED_SQL = `
  SELECT /* pgtrek: find-unfinished */ r.id
  FROM pgtrek.relation r
  WHERE r.owner = $1 AND r.lane = $2 AND r.root IN (
    SELECT t.root FROM pgtrek.relation t
    WHERE t.owner = $1 AND t.lane = $2 AND t.kind = 'r' AND t.has_data
      AND (SELECT count(*) FROM pgtrek.copied c WHERE c.owner = t.owner AND c.lane = t.lane AND c.relation = t.id)
        < greatest(1, (SELECT count(*) FROM pgtrek.part p WHERE p.owner = t.owner AND p.relation = t.id)))
  ORDER BY r.id`;

/** So many tables are emptied in one transaction: each takes several locks. */
const AT_ONCE = 200;

/** Tables are empty again, without the indexes that were built, and belong to no lane. */
export async function takeAway(
  target: Session,
  { owner, lane }: { owner: string; lane: LaneName },
  tables: number[],
): Promise<void> {
  for (let from = 0; from < tables.length; from += AT_ONCE) {
    const some = tables.slice(from, from + AT_ONCE);
    await dropIndexes(target, owner, some);
    await target.transaction(async () => {
      const [list] = await target.query<{ list: string | null }>(COPIED_SQL, [owner, some]);
      if (list?.list) await target.query(`TRUNCATE /* pgtrek: empty-tables */ ONLY ${list.list}`);
      await target.query(FORGET_SQL, [owner, some]);
      await releaseTables(target, owner, lane, some);
    });
  }
}

const COPIED_SQL = `
  SELECT /* pgtrek: find-partly-copied */ string_agg(r.qualified, ', ONLY ') AS list
  FROM pgtrek.relation r
  WHERE r.owner = $1 AND r.id = ANY ($2::int[])
    AND EXISTS (SELECT FROM pgtrek.copied c WHERE c.owner = r.owner AND c.lane = r.lane AND c.relation = r.id)`;

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
