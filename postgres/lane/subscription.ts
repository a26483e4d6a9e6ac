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
    await target.query(`UPDATE pgtrek.lane SET status = 'applying' WHERE owner = $1 AND lane = $2`, [job.owner, lane]);
  });
}

const FIND_SQL = `
  SELECT /* pgtrek: find-subscription */ subenabled FROM pg_subscription
  WHERE subname = $1 AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())`;

async function createSubscription(job: Job, target: Session, lane: LaneName): Promise<void> {
  const name = escapeIdentifier(lane);
  // A transaction that is streamed in parallel and commits right after a marker would be applied all the same.
  const streaming = target.version >= 140000 ? ', streaming = on' : '';
  await target.transaction(async () => {
    await target.query(`
      CREATE /* pgtrek: create-subscription */ SUBSCRIPTION ${name}
      CONNECTION ${escapeLiteral(connectionString(job.servers.replication, lane))}
      PUBLICATION ${name}
      WITH (create_slot = false, slot_name = ${escapeLiteral(lane)}, copy_data = false, enabled = true${streaming})`);
    await target.query(`COMMENT ON SUBSCRIPTION ${name} IS ${escapeLiteral(ownerComment(job.owner))}`);
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
    const { enabled, running, syncing } = await target.one<{ enabled: boolean; running: boolean; syncing: boolean }>(
      WORKER_SQL,
      [lane],
    );
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
