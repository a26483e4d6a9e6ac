/** Removes every object of a migration from both ends, and, with consent, what it restored. */
import { rm } from 'node:fs/promises';
import type { Removed } from '../../contract/activities.js';
import type { LaneName } from '../../contract/names.js';
import { lanePattern } from '../../contract/names.js';
import { messageOf } from '../classify-error.js';
import { withSource, withTarget, workFolder } from '../job.js';
import type { Job } from '../job.js';
import { whatStays } from '../lane/given-publication.js';
import { removeDdlTrigger } from '../lane/ddl-trigger.js';
import { dropJournal, ownerComment } from '../lane/journal.js';
import { givenStart } from '../lane/lane-names.js';
import { closeLane, emptyLane } from '../lane/reduce.js';
import { releaseSlot } from '../lane/release-slot.js';
import { dropSlot } from '../lane/slot.js';
import { dropSubscription } from '../lane/subscription.js';
import { clearLedger, dropSchemaIfUnused, hasLedger } from '../ledger/create-ledger.js';
import { dropRestored } from '../schema/drop-restored.js';
import type { Session } from '../session.js';
import { purposeOf, purposePrefix } from '../purpose.js';
import { takeOver } from '../take-over.js';

/**
 * Lanes of ours, by their marks in the catalogs and not by what the workflow remembers: after a crash the catalogs
 * know better. A slot has no mark of its own; it is made after its publication and journal and dropped before them.
 */
const SOURCE_LANES_SQL = `
  SELECT /* pgtrek: find-lanes */ p.pubname AS lane FROM pg_publication p
  WHERE p.pubname ~ $1 AND obj_description(p.oid, 'pg_publication') = $2
  UNION
  SELECT c.relname FROM pg_class c
  WHERE c.relnamespace = to_regnamespace('pgtrek') AND c.relkind = 'r' AND c.relname ~ $1
    AND obj_description(c.oid, 'pg_class') = $2`;

const TARGET_LANES_SQL = `
  SELECT /* pgtrek: find-target-lanes */ s.subname AS lane FROM pg_subscription s
  WHERE s.subname ~ $1 AND obj_description(s.oid, 'pg_subscription') = $2
    AND s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
  UNION
  SELECT c.relname FROM pg_class c
  WHERE c.relnamespace = to_regnamespace('pgtrek') AND c.relkind = 'r' AND c.relname ~ $1
    AND obj_description(c.oid, 'pg_class') = $2`;

export async function removeObjects(job: Job, dropTarget: boolean): Promise<Removed> {
  const given = givenStart(job.spec);
  const notes: string[] = given ? [whatStays(given)] : [];
  const leftovers = [
    ...(await attempt('the subscriptions', () =>
      withTarget(job, 'cleanup', (target) => removeSubscriptions(job, target, notes)),
    )),
    ...(await attempt('the source', () => withSource(job, 'cleanup', (source) => cleanSource(job, source)))),
  ];
  // While the source still has a slot of ours the ledger stays, so that a retry and `orphans` know whose it is.
  if (leftovers.length === 0) {
    leftovers.push(
      ...(await attempt('the target', () =>
        withTarget(job, 'cleanup', (target) => cleanTarget(job, target, { dropTarget, notes })),
      )),
    );
  }
  await rm(workFolder(job), { recursive: true, force: true }).catch((error: unknown) => {
    notes.push(`files left on a worker: ${messageOf(error)}`);
  });
  return { leftovers, notes };
}

/** What it could not do is told, as a leftover. */
export async function attempt(what: string, work: () => Promise<string[]>): Promise<string[]> {
  try {
    return await work();
  } catch (error) {
    return [`${what}: ${messageOf(error)}`];
  }
}

async function findLanes(session: Session, sql: string, job: Job): Promise<LaneName[]> {
  const rows = await session.query<{ lane: LaneName }>(sql, [lanePattern(job.name), ownerComment(job.owner)]);
  return rows.map(({ lane }) => lane);
}

/** Lanes that the ledger knows: a slot may have been made after its publication was dropped. */
function readLanes(job: Job): Promise<{ lane: LaneName; sync_slots: string | null }[]> {
  return withTarget(job, 'cleanup', async (target) =>
    (await hasLedger(target))
      ? // A ledger that an older version made has no such column.
        target.query(
          `SELECT lane, to_jsonb(l)->>'sync_slots' AS sync_slots FROM pgtrek.lane l WHERE owner = $1`,
          [job.owner],
        )
      : [],
  );
}

async function removeSubscriptions(job: Job, target: Session, notes: string[]): Promise<string[]> {
  await takeOver(target, job.owner, 'cleanup');
  await endSessions(job, target);
  const given = givenStart(job.spec);
  for (const lane of await findLanes(target, TARGET_LANES_SQL, job)) {
    const told = given && (await releaseSlot(job, target, { lane, slot: given.slot }));
    if (told) notes.push(told);
    await dropSubscription(target, lane);
  }
  return [];
}

async function cleanSource(job: Job, source: Session): Promise<string[]> {
  await endSessions(job, source);
  // First: it writes to the journals.
  await removeDdlTrigger(job, source);
  const known = await readLanes(job);
  const found = await findLanes(source, SOURCE_LANES_SQL, job);
  for (const lane of new Set([...known.map(({ lane }) => lane), ...found]))
    await removeFromSource(source, lane);
  for (const { sync_slots } of known) if (sync_slots !== null) await dropSyncSlots(source, sync_slots);
  await dropSchemaIfUnused(source);
  return [];
}

/** A backup may hold a journal for hours: then it is a leftover that a retry removes, not a clean-up that hangs. */
export const LOCK_TIMEOUT_SQL = `SET lock_timeout = '10s'`;

export async function removeFromSource(source: Session, lane: LaneName): Promise<void> {
  await source.query(LOCK_TIMEOUT_SQL);
  await dropSlot(source, lane);
  await source.query(`DROP /* pgtrek: drop-publication */ PUBLICATION IF EXISTS ${lane}`);
  await dropJournal(source, lane);
}

/** Those that the dropped subscription could not remove itself. */
async function dropSyncSlots(source: Session, pattern: string): Promise<void> {
  const slots = await source.query<{ slot: string }>(
    'SELECT /* pgtrek: find-sync-slots */ slot_name::text AS slot FROM pg_replication_slots WHERE slot_name ~ $1',
    [pattern],
  );
  for (const { slot } of slots) await dropSlot(source, slot);
}

async function cleanTarget(
  job: Job,
  target: Session,
  { dropTarget, notes }: { dropTarget: boolean; notes: string[] },
): Promise<string[]> {
  await target.query(LOCK_TIMEOUT_SQL);
  for (const lane of await findLanes(target, TARGET_LANES_SQL, job)) await dropJournal(target, lane);
  if (!(await hasLedger(target))) return [];
  const left = dropTarget ? await dropRestored(target, job.owner) : [];
  notes.push(...left.map((statement) => `not dropped on the target: ${statement}`));
  await clearLedger(target, job.owner);
  await dropSchemaIfUnused(target);
  return [];
}

/** Sessions that a killed worker left: copies, the snapshot, children. Not our own, nor the walsender, which has none of our names. */
async function endSessions(job: Job, session: Session): Promise<void> {
  await session.query(
    `SELECT /* pgtrek: end-sessions */ pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid()
       AND left(application_name, length($1)) = $1 AND application_name <> $2`,
    [purposePrefix(job.name, job.owner), purposeOf(job.name, job.owner, 'cleanup')],
  );
}

/**
 * Gives one lane up: what still copies for it is ended first, and cannot write any more once the lane's row says so; nor
 * does its subscription, if it has one, once it is dropped. Tables that the server has copied or filled are emptied too.
 */
export async function dropLane(job: Job, lane: LaneName): Promise<Removed> {
  await withTarget(job, 'cleanup', async (target) => {
    await takeOver(target, job.owner, 'cleanup');
    await endSessions(job, target);
    await closeLane(target, { owner: job.owner, lane }, 'dropped');
    await dropSubscription(target, lane);
    await emptyLane(target, { owner: job.owner, lane }, 'dropped');
    await dropJournal(target, lane);
  });
  await withSource(job, 'cleanup', async (source) => {
    await endSessions(job, source);
    await removeFromSource(source, lane);
  });
  return { leftovers: [], notes: [] };
}
