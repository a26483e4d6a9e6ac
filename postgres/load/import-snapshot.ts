/** A transaction that sees what the snapshot of a lane sees. */
import { PgtrekError } from '../../contract/errors.js';
import { messageOf, sqlState } from '../classify-error.js';
import type { Session } from '../session.js';

const BEGIN_SQL = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY';

/** 22023 invalid snapshot identifier, 55000 its transaction is gone; 42704 from 17 on. */
const GONE = new Set(['22023', '55000', '42704']);

/** Begins a transaction in the first of these snapshots, names of the same one, that lives. Throws SNAPSHOT_LOST. */
export async function importSnapshot(source: Session, names: string[]): Promise<void> {
  let lost: unknown;
  for (const name of names) {
    await source.client.query(BEGIN_SQL);
    try {
      await source.query(`SET TRANSACTION SNAPSHOT '${name}' /* pgtrek: import-snapshot */`);
      return;
    } catch (error) {
      if (!GONE.has(sqlState(error) ?? '')) throw error;
      await source.client.query('ROLLBACK');
      lost = error;
    }
  }
  throw new PgtrekError('SNAPSHOT_LOST', `Snapshot ${names.join(', ')} is gone: ${messageOf(lost)}`, {
    cause: lost,
  });
}
