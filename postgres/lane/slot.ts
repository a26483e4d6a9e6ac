/** A lane's replication slot, made with an exported snapshot in a bounded time, and dropped again. */
import { escapeIdentifier } from 'pg';
import { PgtrekError } from '../../contract/errors.js';
import type { LaneName, Lsn } from '../../contract/names.js';
import { messageOf } from '../classify-error.js';
import { sessionOptions, withSource } from '../job.js';
import type { Job } from '../job.js';
import { openSession } from '../session.js';
import type { Session } from '../session.js';
import { waitUntil } from '../wait-until.js';

export interface SlotSnapshot {
  /** Lives as long as `session`. */
  snapshot: string;
  lsn: Lsn;
  session: Session;
}

/**
 * Makes the slot and leaves its connection open, because the snapshot ends with it. The server waits here for every
 * transaction with an xid, in all databases: after `load.slotTimeout` seconds the waiting walsender is ended and the
 * error names the transactions.
 */
export async function createSlot(job: Job, lane: LaneName): Promise<SlotSnapshot> {
  const session = await openSession(job.servers.source, {
    ...sessionOptions(job, 'slot'),
    replication: true,
  });
  let givenUp = false;
  const timer = setTimeout(() => {
    givenUp = true;
    void endSlotCreation(job, lane);
  }, job.spec.load.slotTimeout * 1000);
  const { observer } = job.servers;
  try {
    // A walsender's grammar knows no comments, so the observer is told here.
    await observer?.('before', 'create-slot');
    const row = await session.one<{ consistent_point: string; snapshot_name: string }>(
      `CREATE_REPLICATION_SLOT ${escapeIdentifier(lane)} LOGICAL pgoutput EXPORT_SNAPSHOT`,
    );
    await observer?.('after', 'create-slot');
    return { snapshot: row.snapshot_name, lsn: row.consistent_point as Lsn, session };
  } catch (error) {
    await session.close();
    job.signal?.throwIfAborted();
    // Ended by another: a newer attempt has made a slot of this name, or is about to.
    if (!givenUp) throw error;
    const waiting = await withSource(job, 'slot', describeBlockers);
    await withSource(job, 'slot', (source) => dropSlot(source, lane));
    if (waiting.length === 0) throw error;
    throw new PgtrekError(
      'SLOT_CREATION_BLOCKED',
      `Slot ${lane} waited ${job.spec.load.slotTimeout} s for transactions that are open on the source: ${waiting.join('; ')} (${messageOf(error)})`,
      {
        object: lane,
        remedy: `End these transactions (SELECT pg_terminate_backend(pid)), then retry.`,
        cause: error,
      },
    );
  } finally {
    clearTimeout(timer);
  }
}

async function endSlotCreation(job: Job, lane: LaneName): Promise<void> {
  // When the source cannot be reached the replication connection ends on its own.
  await withSource(job, 'slot', (source) => endWalsender(source, lane)).catch(() => undefined);
}

const BLOCKERS_SQL = `
  SELECT /* pgtrek: list-slot-blockers */ format('pid %s, %s, database %s, open for %s s', pid, usename, datname,
      extract(epoch FROM clock_timestamp() - xact_start)::int) AS who
  FROM pg_stat_activity
  WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()
  UNION ALL
  SELECT format('prepared transaction %s of %s, database %s', gid, owner, database) FROM pg_prepared_xacts
  LIMIT 10`;

async function describeBlockers(source: Session): Promise<string[]> {
  const rows = await source.query<{ who: string }>(BLOCKERS_SQL);
  return rows.map(({ who }) => who);
}

async function endWalsender(source: Session, slot: string): Promise<void> {
  await source.query(
    `SELECT /* pgtrek: end-walsender */ pg_terminate_backend(active_pid) FROM pg_replication_slots
     WHERE slot_name = $1 AND active_pid IS NOT NULL`,
    [slot],
  );
}

const SLOT_SQL = `
  SELECT active_pid IS NOT NULL AS active FROM pg_replication_slots WHERE slot_name = $1`;

/** Whether nobody reads from it any more; one that is gone is idle too. `every`: milliseconds between looks. */
export function isIdleWithin(source: Session, name: string, seconds: number, every = 20): Promise<boolean> {
  return waitUntil({ seconds, every }, async () => {
    const [slot] = await source.query<{ active: boolean }>(
      'SELECT /* pgtrek: look-for-idle-slot */ active FROM pg_replication_slots WHERE slot_name = $1',
      [name],
    );
    return !slot?.active;
  });
}

/** Ends whoever uses the slot, then drops it; no slot is fine. */
export async function dropSlot(source: Session, name: string): Promise<void> {
  const gone = await waitUntil({ seconds: 30 }, async () => {
    const [slot] = await source.query<{ active: boolean }>(SLOT_SQL, [name]);
    if (!slot) return true;
    if (slot.active) {
      await endWalsender(source, name);
      return false;
    }
    await source
      .query('SELECT /* pgtrek: drop-slot */ pg_drop_replication_slot($1)', [name])
      .catch((error: unknown) => {
        // Taken again or dropped in between: the next look tells.
        if (!/is active|does not exist/.test(messageOf(error))) throw error;
      });
    return false;
  });
  if (!gone)
    throw new PgtrekError('CLEANUP_INCOMPLETE', `Slot ${name} stays in use.`, {
      object: name,
      retryable: true,
    });
}
