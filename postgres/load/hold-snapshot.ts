/** Holds the snapshot that all parts of a lane read from, until its signal ends it. */
import { setTimeout as delay } from 'node:timers/promises';
import type { LaneName, Lsn } from '../../contract/names.js';
import { PgtrekError } from '../../contract/errors.js';
import { messageOf } from '../classify-error.js';
import { sessionOptions } from '../job.js';
import type { Job } from '../job.js';
import { createSlot } from '../lane/slot.js';
import { openSession } from '../session.js';
import type { Session } from '../session.js';

export interface HeldSnapshot {
  snapshot: string;
  lsn?: Lsn;
}

/**
 * With a slot: the snapshot is the one that the slot starts from, and is exported again at once by an ordinary
 * session, because the first name dies with the slot's own connection. Without: any consistent snapshot.
 * `onSnapshot` is called once; then the session is kept busy until the signal aborts. Throws SNAPSHOT_LOST.
 */
export async function holdSnapshot(
  job: Job,
  lane: LaneName,
  withSlot: boolean,
  onSnapshot: (held: HeldSnapshot) => Promise<void>,
): Promise<void> {
  const keeper = await openSession(job.servers.source, sessionOptions(job, 'snapshot'));
  try {
    await keeper.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    await onSnapshot(withSlot ? await exportFromSlot(job, lane, keeper) : { snapshot: await exportSnapshot(keeper) });
    await keepAlive(job, keeper);
  } finally {
    await keeper.close();
  }
}

async function exportFromSlot(job: Job, lane: LaneName, keeper: Session): Promise<HeldSnapshot> {
  const slot = await createSlot(job, lane);
  try {
    await keeper.query(`SET TRANSACTION SNAPSHOT '${slot.snapshot}' /* pgtrek: import-slot-snapshot */`);
    return { snapshot: await exportSnapshot(keeper), lsn: slot.lsn };
  } finally {
    await slot.session.close();
  }
}

async function exportSnapshot(keeper: Session): Promise<string> {
  const { snapshot } = await keeper.one<{ snapshot: string }>(
    'SELECT /* pgtrek: export-snapshot */ pg_export_snapshot() AS snapshot',
  );
  return snapshot;
}

/** One small statement a second: a dead session is seen soon, and no firewall forgets the connection. */
async function keepAlive(job: Job, keeper: Session): Promise<void> {
  for (;;) {
    job.signal?.throwIfAborted();
    try {
      await keeper.query('SELECT 1');
    } catch (error) {
      job.signal?.throwIfAborted();
      throw new PgtrekError('SNAPSHOT_LOST', `The session that held the snapshot ended: ${messageOf(error)}`, {
        cause: error,
      });
    }
    await delay(1000, undefined, job.signal ? { signal: job.signal } : {});
  }
}
