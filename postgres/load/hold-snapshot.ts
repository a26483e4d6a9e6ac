/** Holds the snapshot that all parts of a lane read from, until its signal ends it. */
import { setTimeout as delay } from 'node:timers/promises';
import type { LaneName, Lsn } from '../../contract/names.js';
import { PgtrekError } from '../../contract/errors.js';
import type { SeenDrift } from '../../contract/state.js';
import { messageOf } from '../classify-error.js';
import { sessionOptions, withSource, withTarget } from '../job.js';
import type { Job } from '../job.js';
import { hasLedger } from '../ledger/create-ledger.js';
import { holdLane } from '../ledger/lane-tables.js';
import { compareSchema } from './compare-schema.js';
import { createSlot, dropSlot } from '../lane/slot.js';
import { inSnapshot } from './import-snapshot.js';
import { BEGIN_READ, openSession } from '../session.js';
import type { Session } from '../session.js';

export interface HeldSnapshot {
  snapshot: string;
  lsn?: Lsn;
  /** Changes since the dump that do not endanger the load. */
  drift?: SeenDrift;
}

export interface SnapshotOrder {
  lane: LaneName;
  /** The lane streams: the snapshot is the one that its slot starts from. */
  slot: boolean;
  /** Names of the same snapshot, held by others: it is held once more. */
  from?: string[] | undefined;
}

/**
 * `onSnapshot` is called once, with a name that lives as long as this session, which is kept busy until the signal
 * aborts. Throws SNAPSHOT_LOST.
 */
export async function holdSnapshot(
  job: Job,
  { lane, slot, from }: SnapshotOrder,
  onSnapshot: (held: HeldSnapshot) => Promise<void>,
): Promise<void> {
  const keeper = await openSession(job.servers.source, sessionOptions(job, 'snapshot'));
  try {
    const hold = async (held: HeldSnapshot) => {
      await onSnapshot(held);
      await keepAlive(job, keeper);
    };
    if (from) await inSnapshot(keeper, from, async () => hold({ snapshot: await exportSnapshot(keeper) }));
    else await hold(await makeSnapshot(job, keeper, slot ? lane : undefined));
  } finally {
    await keeper.close();
  }
}

/** With a slot it is exported again at once: the first name dies with the slot's own connection. */
async function makeSnapshot(job: Job, keeper: Session, lane: LaneName | undefined): Promise<HeldSnapshot> {
  await keeper.query(BEGIN_READ);
  const held = lane ? await exportFromSlot(job, lane, keeper) : { snapshot: await exportSnapshot(keeper) };
  const drift = await compareSchema(job, keeper);
  return drift ? { ...held, drift } : held;
}

async function exportFromSlot(job: Job, lane: LaneName, keeper: Session): Promise<HeldSnapshot> {
  const slot = await createSlot(job, lane);
  try {
    await checkLane(job, lane);
    await keeper.query(`SET TRANSACTION SNAPSHOT '${slot.snapshot}' /* pgtrek: import-slot-snapshot */`);
    return { snapshot: await exportSnapshot(keeper), lsn: slot.lsn };
  } finally {
    await slot.session.close();
  }
}

/** An attempt that nobody waits for any more must not leave a slot behind: clean-up may have passed already. */
async function checkLane(job: Job, lane: LaneName): Promise<void> {
  const loading = await withTarget(job, 'slot', (target) => isLoading(target, job.owner, lane));
  if (loading) return;
  await withSource(job, 'slot', (source) => dropSlot(source, lane));
  throw new PgtrekError('SNAPSHOT_LOST', `Lane ${lane} was given up while its slot was made.`, {
    object: lane,
  });
}

async function isLoading(target: Session, owner: string, lane: LaneName): Promise<boolean> {
  return (await hasLedger(target)) && (await holdLane(target, owner, lane)) === 'loading';
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
      throw new PgtrekError(
        'SNAPSHOT_LOST',
        `The session that held the snapshot ended: ${messageOf(error)}`,
        {
          cause: error,
        },
      );
    }
    await delay(1000, undefined, job.signal ? { signal: job.signal } : {});
  }
}
