/** Removes every object of a migration from both ends, and, with consent, what it restored. */
import { rm } from 'node:fs/promises';
import { escapeIdentifier } from 'pg';
import type { Removed } from '../../contract/activities.js';
import type { LaneName } from '../../contract/names.js';
import { lanePattern } from '../../contract/names.js';
import { messageOf } from '../classify-error.js';
import type { Endpoint } from '../endpoint.js';
import { withSource, withTarget, workFolder } from '../job.js';
import type { Job } from '../job.js';
import { whatStays } from '../lane/given-publication.js';
import { removeDdlTrigger } from '../lane/ddl-trigger.js';
import { dropJournal, ownerComment } from '../lane/journal.js';
import { givenStart } from '../lane/lane-names.js';
import { closeLane, emptyLane, requireLoad } from '../lane/reduce.js';
import { releaseSlot } from '../lane/release-slot.js';
import { dropSlot } from '../lane/slot.js';
import { dropSubscription } from '../lane/subscription.js';
import { clearLedger, dropSchemaIfUnused, hasLedger } from '../ledger/create-ledger.js';
import { claimScratch, dropDeadScratches } from '../rehearsal/scratch-database.js';
import { refuseWayBack } from '../reverse/way-back.js';
import { dropRestored } from '../schema/drop-restored.js';
import type { Session } from '../session.js';
import { purposeOf, purposePrefix } from '../purpose.js';
import { takeOver } from '../take-over.js';
import { undoFixes } from './undo-fixes.js';

/**
 * Lanes of ours, by their marks in the catalogs and not by what the workflow remembers: after a crash the catalogs
 * know better. A slot has no mark of its own; it is made after its publication and journal and dropped before them.
 */
const LANES_SQL = `
  SELECT /* pgtrek: find-lanes */ p.pubname AS lane FROM pg_publication p
  WHERE p.pubname ~ $1 AND obj_description(p.oid, 'pg_publication') = $2
  UNION
  SELECT c.relname FROM pg_class c
  WHERE c.relnamespace = to_regnamespace('pgtrek') AND c.relkind = 'r' AND c.relname ~ $1
    AND obj_description(c.oid, 'pg_class') = $2`;

const JOURNALS_SQL = `
  SELECT /* pgtrek: find-journals */ c.relname AS lane FROM pg_class c
  WHERE c.relnamespace = to_regnamespace('pgtrek') AND c.relkind = 'r' AND c.relname ~ $1
    AND obj_description(c.oid, 'pg_class') = $2`;

const SUBSCRIBED_LANES_SQL = `
  SELECT /* pgtrek: find-subscribed-lanes */ s.subname AS lane FROM pg_subscription s
  WHERE s.subname ~ $1 AND obj_description(s.oid, 'pg_subscription') = $2
    AND s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
  UNION ${JOURNALS_SQL}`;

/** Before 14 only a superuser may read a subscription's oid, by which its mark is found. */
const READS_MARKS_SQL = `
  SELECT /* pgtrek: may-read-marks */ has_column_privilege('pg_catalog.pg_subscription', 'oid', 'SELECT') AS may`;

type End = Endpoint['end'];
/** The way back has its subscriptions and its ledger on the source, its slots and publications on the target. */
const ENDS: End[] = ['target', 'source'];

/**
 * What belongs to either direction, in an order in which nothing is sent that could be applied, and nothing applies any more.
 * Settings that keep writers off an end stay as they are, and are told.
 */
export async function removeObjects(
  job: Job,
  dropTarget: boolean,
  { keepFixes = false }: { keepFixes?: boolean } = {},
): Promise<Removed> {
  const given = givenStart(job.spec);
  const notes: string[] = given ? [whatStays(given)] : [];
  const leftovers: string[] = [];
  const done = async (end: End, what: string, work: (session: Session) => Promise<void>) => {
    const left = await attempt(what, () => withEnd(job, end, work));
    leftovers.push(...left);
    return left.length === 0;
  };
  const free: End[] = [];
  for (const end of ENDS) {
    const what = end === 'target' ? 'the subscriptions' : 'the source';
    if (await done(end, what, (session) => removeSubscriptions(job, session, notes))) free.push(end);
  }
  // Lanes of an end are in the ledger of the other one too.
  for (const end of free.length === 2 ? ENDS : free.filter((each) => each === 'source'))
    await done(end, `the ${end}`, (session) => removeLanes(job, session));
  await done('target', 'the rehearsal', (target) => removeRehearsal(job, target));
  // Once nothing is published any more, and while the ledger knows whether tables were restored.
  if (leftovers.length === 0 && !keepFixes) leftovers.push(...(await undoFixes(job, notes)));
  // While a slot of ours is left the ledgers stay, so that a retry and `orphans` know whose it is.
  for (const end of leftovers.length === 0 ? ENDS.toReversed() : [])
    await done(end, `the ${end}`, (session) => removeLedger(job, session, { dropTarget, notes }));
  await rm(workFolder(job), { recursive: true, force: true }).catch((error: unknown) => {
    notes.push(`files left on a worker: ${messageOf(error)}`);
  });
  return { leftovers, notes };
}

/** What it could not do is told, as a leftover. */
export async function attempt(what: string, work: () => Promise<void>): Promise<string[]> {
  try {
    await work();
    return [];
  } catch (error) {
    return [`${what}: ${messageOf(error)}`];
  }
}

/** Of an attempt that died; an attempt that lives is ended, so that it makes none afterwards. */
async function removeRehearsal(job: Job, target: Session): Promise<void> {
  // Specs of older versions have no such part.
  if ((job.spec.validate as Job['spec']['validate'] | undefined)?.rehearse) await claimScratch(target, job);
  await dropDeadScratches(target, job.name);
}

function withEnd<T>(job: Job, end: End, work: (session: Session) => Promise<T>): Promise<T> {
  return end === 'source' ? withSource(job, 'cleanup', work) : withTarget(job, 'cleanup', work);
}

async function findLanes(session: Session, sql: string, job: Job): Promise<LaneName[]> {
  const rows = await session.query<{ lane: LaneName }>(sql, [lanePattern(job.name), ownerComment(job.owner)]);
  return rows.map(({ lane }) => lane);
}

/** Lanes that this end's ledger knows: a slot on the other end may have been made after its publication was dropped. */
async function readLanes(
  { owner }: Job,
  session: Session,
): Promise<{ lane: LaneName; sync_slots: string | null }[]> {
  return (await hasLedger(session))
    ? // A ledger that an older version made has no such column.
      session.query(
        `SELECT lane, to_jsonb(l)->>'sync_slots' AS sync_slots FROM pgtrek.lane l WHERE owner = $1`,
        [owner],
      )
    : [];
}

async function removeSubscriptions(job: Job, session: Session, notes: string[]): Promise<void> {
  await takeOver(session, job.owner, 'cleanup');
  await endSessions(job, session);
  const given = session.endpoint.end === 'target' ? givenStart(job.spec) : undefined;
  const { may } = await session.one<{ may: boolean }>(READS_MARKS_SQL);
  for (const lane of await findLanes(session, may ? SUBSCRIBED_LANES_SQL : JOURNALS_SQL, job)) {
    const told = given && (await releaseSlot(job, session, { lane, slot: given.slot }));
    if (told) notes.push(told);
    await dropSubscription(session, lane);
  }
}

/** What sends, and the journals. */
async function removeLanes(job: Job, session: Session): Promise<void> {
  // First: it writes to the journals.
  await removeDdlTrigger(job, session);
  const other: End = session.endpoint.end === 'source' ? 'target' : 'source';
  const known = await withEnd(job, other, (ledger) => readLanes(job, ledger));
  const found = await findLanes(session, LANES_SQL, job);
  for (const lane of new Set([...known.map(({ lane }) => lane), ...found])) await removeLane(session, lane);
  for (const { sync_slots } of known) if (sync_slots !== null) await dropSyncSlots(session, sync_slots);
  await dropSchemaIfUnused(session);
}

/** A backup may hold a journal for hours: then it is a leftover that a retry removes, not a clean-up that hangs. */
export const LOCK_TIMEOUT_SQL = `SET lock_timeout = '10s'`;

export async function removeLane(session: Session, lane: LaneName): Promise<void> {
  await session.query(LOCK_TIMEOUT_SQL);
  await dropSlot(session, lane);
  await session.query(`DROP /* pgtrek: drop-publication */ PUBLICATION IF EXISTS ${lane}`);
  await dropJournal(session, lane);
}

/** Those that the dropped subscription could not remove itself. */
async function dropSyncSlots(source: Session, pattern: string): Promise<void> {
  const slots = await source.query<{ slot: string }>(
    'SELECT /* pgtrek: find-sync-slots */ slot_name::text AS slot FROM pg_replication_slots WHERE slot_name ~ $1',
    [pattern],
  );
  for (const { slot } of slots) await dropSlot(source, slot);
}

async function removeLedger(
  job: Job,
  session: Session,
  { dropTarget, notes }: { dropTarget: boolean; notes: string[] },
): Promise<void> {
  notes.push(...(await tellClosed(job, session)));
  if (!(await hasLedger(session))) return;
  await session.query(LOCK_TIMEOUT_SQL);
  const left = dropTarget && session.endpoint.end === 'target' ? await dropRestored(session, job.owner) : [];
  notes.push(...left.map((statement) => `not dropped on the target: ${statement}`));
  await clearLedger(session, job.owner);
  await dropSchemaIfUnused(session);
}

const READ_ONLY_SQL = `
  SELECT /* pgtrek: look-for-read-only */ FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
  WHERE d.datname = current_database() AND s.setrole = 0
    AND s.setconfig && ARRAY['default_transaction_read_only=on', 'default_transaction_read_only=true']`;

/** After a cutover nobody shall write to the old primary by mistake: that stays, and so does what forbids logins. */
async function tellClosed({ spec }: Job, session: Session): Promise<string[]> {
  if (spec.mode === 'full-load' || (await session.query(READ_ONLY_SQL)).length === 0) return [];
  const { end, database } = session.endpoint;
  return [
    `Database ${database} of the ${end} stays read-only (default_transaction_read_only), and roles that may not log in there stay so. To open it: ALTER DATABASE ${escapeIdentifier(database)} RESET default_transaction_read_only;`,
  ];
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
  requireLoad(job, lane);
  await withTarget(job, 'cleanup', async (target) => {
    await takeOver(target, job.owner, 'cleanup');
    await refuseWayBack(target, job.owner);
    await endSessions(job, target);
    await closeLane(target, { owner: job.owner, lane }, 'dropped');
    await dropSubscription(target, lane);
    await emptyLane(target, { owner: job.owner, lane }, 'dropped');
    await dropJournal(target, lane);
  });
  await withSource(job, 'cleanup', async (source) => {
    await endSessions(job, source);
    await removeLane(source, lane);
  });
  return { leftovers: [], notes: [] };
}
