/** Transactions of the source that no slot can pass: WAL from their begin on is kept, whatever the target has applied. */
import type { OpenTransaction } from '../../contract/state.js';
import type { Session } from '../session.js';

/**
 * Those with an xid, of every database, as decoding must read all of them from their begin on; a reader holds back no
 * WAL. Without pg_read_all_stats the xid of other roles' backends is hidden. Never their text: it may hold secrets.
 */
const OPEN_SQL = `
  SELECT /* pgtrek: list-open-transactions */ pid, gid, seconds, "user", database, application, state
  FROM (
    SELECT pid, NULL::text AS gid, age(backend_xid) AS age, xact_start AS since, usename::text AS "user",
      datname::text AS database, nullif(application_name, '') AS application, state
    FROM pg_stat_activity
    WHERE backend_xid IS NOT NULL AND xact_start IS NOT NULL AND pid <> pg_backend_pid()
    UNION ALL
    SELECT NULL, gid, age(transaction), prepared, owner::text, database::text, NULL, 'prepared'
    FROM pg_prepared_xacts
  ) t, LATERAL (SELECT greatest(0, floor(extract(epoch FROM clock_timestamp() - since)))::int AS seconds) s
  ORDER BY age DESC LIMIT 5`;

interface Row {
  pid: number | null;
  gid: string | null;
  seconds: number;
  user: string | null;
  database: string | null;
  application: string | null;
  state: string | null;
}

/** The 5 oldest, the oldest first. */
export async function listOpenTransactions(source: Session): Promise<OpenTransaction[]> {
  const rows = await source.query<Row & Record<string, unknown>>(OPEN_SQL);
  return rows.map(({ pid, gid, seconds, user, database, application, state }) => ({
    ...(pid === null ? {} : { pid }),
    ...(gid === null ? {} : { gid }),
    seconds,
    user: user ?? '',
    database: database ?? '',
    ...(application === null ? {} : { application }),
    state: state ?? 'unknown',
  }));
}
