/** Work in a snapshot that others hold. */
import { PgtrekError } from '../../contract/errors.js';
import { messageOf, sqlState } from '../classify-error.js';
import type { Session } from '../session.js';

const BEGIN = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY';

/** Invalid snapshot identifier, its transaction is gone; undefined object from 17 on. */
const GONE = ['22023', '55000', '42704'];

/**
 * One read-only transaction in the first of these snapshots that still lives: they are names of the same one. Throws
 * SNAPSHOT_LOST when none does.
 */
export async function inSnapshot<T>(
  source: Session,
  snapshots: string[],
  work: () => Promise<T>,
): Promise<T> {
  let reason = 'none was told of';
  for (const snapshot of snapshots) {
    try {
      return await source.transaction(async () => {
        await importSnapshot(source, snapshot);
        return work();
      }, BEGIN);
    } catch (error) {
      if (!(error instanceof SnapshotGone)) throw error;
      reason = error.message;
    }
  }
  throw new PgtrekError('SNAPSHOT_LOST', `Snapshot ${snapshots.join(', ')} is gone: ${reason}`);
}

/** Its transaction has failed with it: the next name needs another one. */
class SnapshotGone extends Error {}

async function importSnapshot(source: Session, snapshot: string): Promise<void> {
  try {
    await source.query(`SET TRANSACTION SNAPSHOT '${snapshot}' /* pgtrek: import-snapshot */`);
  } catch (error) {
    if (GONE.includes(sqlState(error) ?? '')) throw new SnapshotGone(messageOf(error), { cause: error });
    throw error;
  }
}
