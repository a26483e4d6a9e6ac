/** A lane's subscription: made once, catalog-first, never with `streaming = parallel`. */
import { escapeIdentifier, escapeLiteral } from 'pg';
import { PgtrekError } from '../../contract/errors.js';
import type { LaneName } from '../../contract/names.js';
import { explained } from '../classify-error.js';
import { connectionString } from '../endpoint.js';
import { withSource, withTarget } from '../job.js';
import type { Job } from '../job.js';
import { holdLane } from '../ledger/lane-tables.js';
import { isWayBack, refuseWayBack, requireStanding } from '../reverse/way-back.js';
import type { Session } from '../session.js';
import { takeOver } from '../take-over.js';
import { waitUntil } from '../wait-until.js';
import { armChanges } from './ddl-stop.js';
import { stopsAtChanges } from './ddl-trigger.js';
import { createTargetJournal, ownerComment } from './journal.js';
import { copiesByServer, publicationOf, slotOf } from './lane-names.js';
import { requireSlots } from './lost-slot.js';

/**
 * Starts apply where the slot's snapshot ends. The subscription is made enabled; the wait is for its worker, because
 * a subscription without one (no free worker, source not reachable) changes nothing and says nothing. Throws SLOT_LOST.
 */
export async function subscribeLane(job: Job, lane: LaneName): Promise<void> {
  await withTarget(job, 'subscribe', async (target) => {
    await takeOver(target, job.owner, 'subscribe');
    await createTargetJournal(target, lane, job.owner);
    if (!(await isSubscribed(target, lane))) {
      const isBack = await withSource(job, 'subscribe', (source) => lookAtSource(job, lane, source));
      // The server's own copy must not be stopped: its lane is armed by monitor.
      if (stopsAtChanges(job.spec) && !copiesByServer(job.spec)) await armChanges(target, job.owner, [lane]);
      await explained(
        {
          code: 'SUBSCRIPTION_FAILED',
          doing: `create subscription ${lane} on the target`,
          object: lane,
          remedy: 'Run pgtrek validate: it tests the way from the target to the source.',
        },
        () => createSubscription(job, target, { lane, isBack }),
      );
    }
    await waitForWorker(job, target, lane);
    if (copiesByServer(job.spec)) return;
    await enterApplying(target, job.owner, lane);
  });
}

/** Whether the lane is one of the way back. */
async function lookAtSource(job: Job, lane: LaneName, source: Session): Promise<boolean> {
  await requireSlots(source, job.spec, [lane]);
  const isBack = await isWayBack(job, source);
  if (isBack) await requireStanding(job, source);
  return isBack;
}

/** In the ledger. One that was given up meanwhile stays so. */
export async function enterApplying(target: Session, owner: string, lane: LaneName): Promise<void> {
  await target.query(
    `UPDATE /* pgtrek: enter-applying */ pgtrek.lane SET status = 'applying'
     WHERE owner = $1 AND lane = $2 AND status <> 'dropped'`,
    [owner, lane],
  );
}

export async function isSubscribed(target: Session, lane: LaneName): Promise<boolean> {
  return (await target.query(FIND_SQL, [lane])).length > 0;
}

const FIND_SQL = `
  SELECT /* pgtrek: find-subscription */ subenabled FROM pg_subscription
  WHERE subname = $1 AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())`;

/** How long CREATE SUBSCRIPTION may take to connect: it ignores connect_timeout. */
const CONNECT_SECONDS = 30;

const SETTINGS_SQL = `
  SELECT set_config('pgtrek.lane', $1, true), set_config('pgtrek.connection', $2, true),
    set_config('pgtrek.options', $3, true), set_config('statement_timeout', $4, true),
    set_config('pgtrek.publication', $5, true), set_config('pgtrek.slot', $6, true)`;

/**
 * The connection string comes from a setting and an error is raised anew, so that neither log_statement = ddl nor the
 * log of failed statements, nor pg_stat_activity, shows the password. Streaming is never parallel: a transaction that
 * is streamed that way and commits right after a marker would be applied all the same.
 */
const CREATE_SQL = `
  DO /* pgtrek: create-subscription */ $create$
  BEGIN
    EXECUTE format(
      'CREATE SUBSCRIPTION %I CONNECTION %L PUBLICATION %I
       WITH (create_slot = false, slot_name = %I, enabled = true, %s)',
      current_setting('pgtrek.lane'), current_setting('pgtrek.connection'),
      current_setting('pgtrek.publication'), current_setting('pgtrek.slot'), current_setting('pgtrek.options'));
  EXCEPTION WHEN OTHERS THEN
    RAISE EXCEPTION USING MESSAGE = SQLERRM, ERRCODE = SQLSTATE;
  END
  $create$`;

/** A lane that was given up or removed meanwhile gets no subscription; this one cannot be while we make it. */
async function requireLane(target: Session, owner: string, lane: LaneName): Promise<void> {
  const status = await holdLane(target, owner, lane);
  if (status !== undefined && status !== 'dropped') return;
  throw new PgtrekError('SUPERSEDED', `Lane ${lane} was given up.`, { object: lane });
}

/** The way back begins where its source stood then; that what came from elsewhere is not sent there is a second belt. */
async function createSubscription(
  job: Job,
  target: Session,
  { lane, isBack }: { lane: LaneName; isBack: boolean },
): Promise<void> {
  await target.transaction(async () => {
    await requireLane(target, job.owner, lane);
    if (copiesByServer(job.spec)) await refuseWayBack(target, job.owner);
    await target.query(SETTINGS_SQL, [
      lane,
      connectionString(job.servers.replication, lane, target.version),
      [
        `copy_data = ${String(copiesByServer(job.spec))}`,
        ...(target.version >= 140000 ? ['streaming = on'] : []),
        ...(isBack && target.version >= 160000 ? ['origin = none'] : []),
      ].join(', '),
      `${String(CONNECT_SECONDS)}s`,
      publicationOf(job.spec, lane),
      slotOf(job.spec, lane),
    ]);
    await target.query(CREATE_SQL);
    await target.query(
      `COMMENT ON SUBSCRIPTION ${escapeIdentifier(lane)} IS ${escapeLiteral(ownerComment(job.owner))}`,
    );
    if (copiesByServer(job.spec) && target.version >= 140000)
      await target.query(NOTE_SYNC_SLOTS_SQL, [job.owner, lane]);
  });
}

/**
 * While it copies, the server makes slots of its own on the source, which stay when the subscription is dropped and the
 * source cannot be reached. Their names hold the subscription's oid and the target's identity. Temporary before 14.
 */
const NOTE_SYNC_SLOTS_SQL = `
  UPDATE /* pgtrek: note-sync-slots */ pgtrek.lane l
  SET sync_slots = format('^pg_%s_sync_[0-9]+_%s$', s.oid,
    CASE WHEN has_function_privilege('pg_control_system()', 'EXECUTE')
      THEN (SELECT system_identifier::text FROM pg_control_system()) ELSE '[0-9]+' END)
  FROM pg_subscription s
  WHERE l.owner = $1 AND l.lane = $2 AND s.subname = $2
    AND s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())`;

const WORKER_SQL = `
  SELECT /* pgtrek: wait-for-worker */ s.subenabled AS enabled,
    EXISTS (SELECT FROM pg_stat_subscription w WHERE w.subname = s.subname AND w.pid IS NOT NULL AND w.received_lsn IS NOT NULL)
      AS running,
    EXISTS (SELECT FROM pg_subscription_rel r WHERE r.srsubid = s.oid AND r.srsubstate <> 'r') AS syncing
  FROM pg_subscription s
  WHERE s.subname = $1 AND s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())`;

/** Until a worker reads from the source; a server that copies itself has tables to sync for much longer. */
export async function waitForWorker(job: Job, target: Session, lane: LaneName): Promise<void> {
  const ready = await waitUntil({ seconds: 60, every: 100, signal: job.signal }, async () => {
    const { enabled, running, syncing } = await target.one<{
      enabled: boolean;
      running: boolean;
      syncing: boolean;
    }>(WORKER_SQL, [lane]);
    // A marker that was committed during the load may already have stopped it.
    return (!syncing || copiesByServer(job.spec)) && (running || !enabled);
  });
  if (ready) return;
  throw new PgtrekError(
    'SUBSCRIPTION_FAILED',
    `Subscription ${lane} has no running worker on the target after 60 s.`,
    {
      object: lane,
      remedy:
        'Read the target’s log: it names the cause (no free max_logical_replication_workers, source not reachable, an apply error). Mend it, then retry.',
    },
  );
}

/** Never contacts the source: its slot is dropped there. */
export async function dropSubscription(target: Session, lane: LaneName): Promise<void> {
  if (!(await isSubscribed(target, lane))) return;
  const name = escapeIdentifier(lane);
  await target.transaction(async () => {
    await target.query(`ALTER SUBSCRIPTION ${name} DISABLE`);
    await target.query(`ALTER SUBSCRIPTION ${name} SET (slot_name = NONE)`);
    await target.query(`DROP /* pgtrek: drop-subscription */ SUBSCRIPTION ${name}`);
  });
}
