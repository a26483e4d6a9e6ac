/** Transactions of the source that a slot's creation waits for: those with an xid, in every database. */
import { escapeLiteral } from 'pg';
import type { Finding } from '../../contract/state.js';
import type { OnSource } from './check.js';
import { capFindings } from './check.js';
import { STATISTICS_ID } from './source-privileges.js';

// Younger ones are ordinary traffic, and over before the slot is made.
const SECONDS = 2;

// backend_xid of other roles is hidden from a role without pg_read_all_stats.
const OPEN_SQL = `
  SELECT /* pgtrek: validate open transactions */
    pid,
    usename::text AS role,
    datname::text AS database,
    application_name AS application,
    state,
    round(extract(epoch FROM clock_timestamp() - xact_start))::int AS seconds,
    query_start::timestamptz(0)::text AS started,
    substring(query FROM '^\\s*([[:alpha:]]+)') AS command
  FROM pg_stat_activity
  WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()
    AND xact_start < clock_timestamp() - make_interval(secs => $1)
  ORDER BY xact_start`;

interface Open {
  pid: number;
  role: string;
  database: string;
  application: string;
  state: string;
  seconds: number;
  started: string;
  command: string | null;
}

export async function checkOpenTransactions({ source, spec, found }: OnSource): Promise<Finding[]> {
  const rows = await source.query<Open & Record<string, unknown>>(OPEN_SQL, [SECONDS]);
  const id = 'source.open_transactions';
  if (rows.length > 0)
    return capFindings(rows.map((row) => ({ id, verdict: 'warn', ...tellOpen(row, spec.load.slotTimeout) })));
  // Of those that cannot be seen it is told already.
  if (found.some((finding) => finding.id === STATISTICS_ID && finding.verdict !== 'ok')) return [];
  const why = `No transaction on the source is open for ${SECONDS} s or more.`;
  return [{ id, scope: 'source', verdict: 'ok', why }];
}

function tellOpen(open: Open, slotTimeout: number): Pick<Finding, 'scope' | 'why' | 'remedy'> {
  const { pid, role, database, application, state, seconds, started, command } = open;
  const last = command === null ? '' : `, last statement ${command.toUpperCase()} of ${started}`;
  return {
    scope: `source.backend ${pid}`,
    why: `Process ${pid} (${role}, database ${database}, application '${application}') is in a transaction for ${seconds} s: ${state}${last}. The slot waits for its end, at most ${slotTimeout} s.`,
    remedy: `SELECT pg_terminate_backend(${pid});`,
  };
}

const PREPARED_SQL = `
  SELECT /* pgtrek: validate prepared transactions */
    gid, owner::text AS owner, database::text AS database, prepared::timestamptz(0)::text AS prepared
  FROM pg_prepared_xacts
  ORDER BY prepared`;

export async function checkPreparedTransactions({ source }: OnSource): Promise<Finding[]> {
  const rows = await source.query<Record<'gid' | 'owner' | 'database' | 'prepared', string>>(PREPARED_SQL);
  return capFindings(
    rows.map(({ gid, owner, database, prepared }) => ({
      id: 'source.prepared_transactions',
      scope: `source.prepared ${gid}`,
      verdict: 'warn',
      why: `Transaction '${gid}' of ${owner} in database ${database} is prepared since ${prepared}: the slot waits until it is ended.`,
      remedy: `COMMIT PREPARED ${escapeLiteral(gid)}; -- or ROLLBACK PREPARED, in database ${database}`,
    })),
  );
}
