/** A lane's subscription: made once, catalog-first, never with `streaming = parallel`. */
import { escapeIdentifier, escapeLiteral } from 'pg';
import { PgtrekError } from '../../contract/errors.js';
import type { LaneName } from '../../contract/names.js';
import { explained } from '../classify-error.js';
import { connectionString } from '../endpoint.js';
import { withTarget } from '../job.js';
import type { Job } from '../job.js';
import type { Session } from '../session.js';
import { takeOver } from '../take-over.js';
import { waitUntil } from '../wait-until.js';
import { createTargetJournal, ownerComment } from './journal.js';

/**
 * Starts apply where the slot's snapshot ends. The subscription is made enabled; the wait is for its worker, because
 * a subscription without one (no free worker, source not reachable) changes nothing and says nothing.
 */
export async function subscribeLane(job: Job, lane: LaneName): Promise<void> {
  await withTarget(job, 'subscribe', async (target) => {
    await takeOver(target, job.owner, 'subscribe');
    await createTargetJournal(target, lane, job.owner);
    const [existing] = await target.query(FIND_SQL, [lane]);
    if (!existing) {
      await explained(
        {
          code: 'SUBSCRIPTION_FAILED',
          doing: `create subscription ${lane} on the target`,
          object: lane,
          remedy: 'Run pgtrek validate: it tests the way from the target to the source.',
        },
        () => createSubscription(job, target, lane),
      );
    }
    await waitForWorker(job, target, lane);
    await target.query(`UPDATE pgtrek.lane SET status = 'applying' WHERE owner = $1 AND lane = $2`, [
      job.owner,
      lane,
    ]);
  });
}

const FIND_SQL = `
  SELECT /* pgtrek: find-subscription */ subenabled FROM pg_subscription
  WHERE subname = $1 AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())`;

/** How long CREATE SUBSCRIPTION may take to connect: it ignores connect_timeout. */
const CONNECT_SECONDS = 30;

const SETTINGS_SQL = `
  SELECT set_config('pgtrek.lane', $1, true), set_config('pgtrek.connection', $2, true),
    set_config('pgtrek.streaming', $3, true), set_config('statement_timeout', $4, true)`;

/**
 * The connection string comes from a setting and an error is raised anew, so that neither log_statement = ddl nor the
 * log of failed statements, nor pg_stat_activity, shows the password. Streaming is never parallel: a transaction that
 * is streamed that way and commits right after a marker would be applied all the same.
 */
const CREATE_SQL = `
  DO /* pgtrek: create-subscription */ $create$
  BEGIN
    EXECUTE format(
      'CREATE SUBSCRIPTION %1$I CONNECTION %2$L PUBLICATION %1$I
       WITH (create_slot = false, slot_name = %1$I, copy_data = false, enabled = true%3$s)',
      current_setting('pgtrek.lane'), current_setting('pgtrek.connection'), current_setting('pgtrek.streaming'));
  EXCEPTION WHEN OTHERS THEN
    RAISE EXCEPTION USING MESSAGE = SQLERRM, ERRCODE = SQLSTATE;
  END
  $create$`;

/** A lane that was given up or removed meanwhile gets no subscription; this one cannot be while we make it. */
async function holdLane(target: Session, owner: string, lane: LaneName): Promise<void> {
  const rows = await target.query(
    `SELECT FROM pgtrek.lane WHERE owner = $1 AND lane = $2 AND status <> 'dropped' FOR SHARE`,
    [owner, lane],
  );
  if (rows.length > 0) return;
  throw new PgtrekError('SUPERSEDED', `Lane ${lane} was given up.`, { object: lane });
}

async function createSubscription(job: Job, target: Session, lane: LaneName): Promise<void> {
  await target.transaction(async () => {
    await holdLane(target, job.owner, lane);
    await target.query(SETTINGS_SQL, [
      lane,
      connectionString(job.servers.replication, lane, target.version),
      target.version >= 140000 ? ', streaming = on' : '',
      `${String(CONNECT_SECONDS)}s`,
    ]);
    await target.query(CREATE_SQL);
    await target.query(
      `COMMENT ON SUBSCRIPTION ${escapeIdentifier(lane)} IS ${escapeLiteral(ownerComment(job.owner))}`,
    );
  });
}

const WORKER_SQL = `
  SELECT /* pgtrek: wait-for-worker */ s.subenabled AS enabled,
    EXISTS (SELECT FROM pg_stat_subscription w WHERE w.subname = s.subname AND w.pid IS NOT NULL AND w.received_lsn IS NOT NULL)
      AS running,
    EXISTS (SELECT FROM pg_subscription_rel r WHERE r.srsubid = s.oid AND r.srsubstate <> 'r') AS syncing
  FROM pg_subscription s
  WHERE s.subname = $1 AND s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())`;

async function waitForWorker(job: Job, target: Session, lane: LaneName): Promise<void> {
  const ready = await waitUntil({ seconds: 60, every: 100, signal: job.signal }, async () => {
    const { enabled, running, syncing } = await target.one<{
      enabled: boolean;
      running: boolean;
      syncing: boolean;
    }>(WORKER_SQL, [lane]);
    // A marker that was committed during the load may already have stopped it.
    return !syncing && (running || !enabled);
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
  const [existing] = await target.query(FIND_SQL, [lane]);
  if (!existing) return;
  const name = escapeIdentifier(lane);
  await target.transaction(async () => {
    await target.query(`ALTER SUBSCRIPTION ${name} DISABLE`);
    await target.query(`ALTER SUBSCRIPTION ${name} SET (slot_name = NONE)`);
    await target.query(`DROP /* pgtrek: drop-subscription */ SUBSCRIPTION ${name}`);
  });
}
