/** Gives both servers back as they were before a run, however it ended. */
import type { Cluster, ClusterConnection } from '../../dev/cluster.js';
import { waitUntil } from '../../dev/wait-until.js';
import { query } from './sql.js';

// A walsender that is told to end does so within this time.
const SLOT_DEADLINE_MS = 30_000;

export async function clearAway(run: {
  source: ClusterConnection;
  target: Cluster;
  targetDatabase: string;
}): Promise<void> {
  await dropSubscriptions(run.target.connection(run.targetDatabase));
  await query(run.target.connection(), `DROP DATABASE IF EXISTS ${run.targetDatabase} WITH (FORCE)`);
  await query(run.source, END_SESSIONS_SQL);
  await dropSlots(run.source);
  await dropPublications(run.source);
  await query(run.source, 'DROP SCHEMA IF EXISTS pgtrek CASCADE');
}

// Of a client that was killed: it would go on reading, and hold locks, in the next run.
const END_SESSIONS_SQL = `
  SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`;

const SUBSCRIPTIONS_SQL = `
  SELECT quote_ident(subname) AS name FROM pg_subscription
  WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())`;

/** Without their slots, which the source drops itself: it may not answer the target any more. */
async function dropSubscriptions(target: ClusterConnection): Promise<void> {
  for (const { name } of await query<{ name: string }>(target, SUBSCRIPTIONS_SQL)) {
    await query(target, `ALTER SUBSCRIPTION ${name} DISABLE`);
    await query(target, `ALTER SUBSCRIPTION ${name} SET (slot_name = NONE)`);
    await query(target, `DROP SUBSCRIPTION ${name}`);
  }
}

const END_WALSENDERS_SQL = `
  SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots
  WHERE database = current_database() AND active_pid IS NOT NULL`;

const DROP_SLOTS_SQL = `
  SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
  WHERE database = current_database() AND active_pid IS NULL`;

const SLOTS_SQL = `SELECT slot_name FROM pg_replication_slots WHERE database = current_database()`;

async function dropSlots(source: ClusterConnection): Promise<void> {
  const areGone = await waitUntil(
    async () => {
      if ((await query(source, SLOTS_SQL)).length === 0) return true;
      await query(source, END_WALSENDERS_SQL);
      await query(source, DROP_SLOTS_SQL);
      return false;
    },
    { deadlineMs: SLOT_DEADLINE_MS },
  );
  if (!areGone) throw new Error('a replication slot of the source cannot be dropped');
}

async function dropPublications(source: ClusterConnection): Promise<void> {
  const publications = await query<{ name: string }>(
    source,
    'SELECT quote_ident(pubname) AS name FROM pg_publication',
  );
  for (const { name } of publications) await query(source, `DROP PUBLICATION ${name}`);
}
