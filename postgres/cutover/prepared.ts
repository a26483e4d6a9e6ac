/** Prepared transactions: they hold locks, belong to no session, and may commit at any time. */
import type { Session } from '../session.js';

const PREPARED_SQL = `
  SELECT /* pgtrek: look-for-prepared */ gid FROM pg_prepared_xacts WHERE database = current_database() LIMIT 5`;

/** Each is a reason against a cutover: it has changed rows, and may commit after the marker. */
export async function readPrepared(source: Session): Promise<string[]> {
  const rows = await source.query<{ gid: string }>(PREPARED_SQL);
  return rows.map(
    ({ gid }) => `prepared transaction ${gid} is open on the source: COMMIT or ROLLBACK PREPARED it`,
  );
}
