/** Reads in a snapshot that somebody else holds. */
import { PgtrekError } from '../../contract/errors.js';
import { messageOf, sqlState } from '../classify-error.js';
import type { Session } from '../session.js';

/** 22023 invalid identifier, 55000 its transaction is gone; 42704 from 17 on. */
const GONE = new Set(['22023', '55000', '42704']);

/** A transaction in the first of these names of one snapshot that lives. Throws SNAPSHOT_LOST when none does. */
export async function inSnapshot<T>(
  source: Session,
  snapshots: string[],
  work: () => Promise<T>,
): Promise<T> {
  const refusals: string[] = [];
  for (const snapshot of snapshots) {
    let isImported = false;
    try {
      return await source.read(async () => {
        await source.query(`SET TRANSACTION SNAPSHOT '${snapshot}' /* pgtrek: import-snapshot */`);
        isImported = true;
        return work();
      });
    } catch (error) {
      if (isImported || !GONE.has(sqlState(error) ?? '')) throw error;
      refusals.push(messageOf(error));
    }
  }
  throw new PgtrekError('SNAPSHOT_LOST', `No snapshot of the load lives any more: ${refusals.join('; ')}`);
}
