/** The sessions of others in a database: who they are, which may be ended, and ending them. */
import type { Job } from '../job.js';
import { purposePrefix } from '../purpose.js';
import type { Session } from '../session.js';
import { waitUntil } from '../wait-until.js';

export interface OtherSession {
  pid: number;
  role: string;
  application: string;
  mayEnd: boolean;
}

/** Accounts by which a provider watches its servers: nobody else can end them, and they write nothing of the application. */
const PROVIDERS = ['rdsadmin', 'cloudsqladmin', 'azuresu'];

/**
 * Everybody but us: neither sessions of this migration nor walsenders, nor what applies changes or vacuums. Without
 * pg_read_all_stats neither the kind of a backend nor its start is told: then both are null.
 */
const OTHERS = `
  SELECT a.pid, a.usename::text AS role, coalesce(a.application_name, '') AS application, a.backend_start,
    coalesce(me.rolsuper OR NOT r.rolsuper
      AND (pg_has_role(a.usesysid, 'USAGE') OR pg_has_role('pg_signal_backend', 'USAGE')), false) AS "mayEnd"
  FROM pg_stat_activity a
    JOIN pg_roles r ON r.oid = a.usesysid
    JOIN pg_roles me ON me.rolname = current_user
  WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
    AND left(a.application_name, length($1)) <> $1
    AND coalesce(a.backend_type, '') !~ '^(walsender|autovacuum|parallel|logical replication)'
    AND a.usename <> ALL ('{${PROVIDERS.join(',')}}'::name[])
    AND NOT EXISTS (SELECT FROM pg_stat_replication w WHERE w.pid = a.pid)`;

export function readOthers(session: Session, job: Job): Promise<OtherSession[]> {
  return session.query<OtherSession & Record<string, unknown>>(
    `SELECT /* pgtrek: read-sessions */ pid, role, application, "mayEnd" FROM (${OTHERS}) AS o ORDER BY pid`,
    [purposePrefix(job.name, job.owner)],
  );
}

/** $2: when the database was closed. $3: whether sessions whose start is not told count as older. */
const END_SQL = `
  SELECT /* pgtrek: end-others */ pid, role, application, "mayEnd", CASE WHEN "mayEnd" THEN pg_terminate_backend(pid) END
  FROM (${OTHERS}) AS o
  WHERE CASE WHEN backend_start IS NULL THEN $3 OR pid = ANY ($4::int[]) ELSE backend_start <= $2::timestamptz END`;

/** How far apart two looks are that must find nobody: a session is seen only some time after it has read the settings. */
const QUIET_MS = 20;
/** A backend that does not end in this time hangs in the kernel or in foreign code. */
const LONGEST_SECONDS = 20;

export interface EndingOthers {
  signal?: AbortSignal | undefined;
  /** What can be done between the two looks; done again when the later one finds somebody. */
  meanwhile?: () => Promise<void>;
}

/**
 * Ends all that began before now, when the database is closed already, until two looks find none. Those that begin later can only
 * read. `left` are those that do not end, or that we may not end.
 */
export async function endOthers(
  session: Session,
  job: Job,
  { signal, meanwhile = () => Promise.resolve() }: EndingOthers = {},
): Promise<{ ended: number; left: OtherSession[] }> {
  const { at } = await session.one<{ at: string }>('SELECT clock_timestamp()::text AS at');
  const begun = Date.now();
  const ended = new Set<number>();
  let left: OtherSession[] = [];
  let quietSince: number | undefined;
  await waitUntil({ seconds: LONGEST_SECONDS, every: 5, signal }, async () => {
    const found = await session.query<OtherSession & Record<string, unknown>>(END_SQL, [
      purposePrefix(job.name, job.owner),
      at,
      Date.now() - begun < 2 * QUIET_MS,
      [...ended],
    ]);
    left = found;
    for (const { pid, mayEnd } of found) if (mayEnd) ended.add(pid);
    if (found.length > 0) {
      quietSince = undefined;
      return found.every(({ mayEnd }) => !mayEnd);
    }
    if (quietSince !== undefined) return Date.now() - quietSince >= QUIET_MS;
    quietSince = Date.now();
    await meanwhile();
    return false;
  });
  return { ended: ended.size, left };
}

const END_WAITING_SQL = `
  SELECT /* pgtrek: end-waiting */ count(pg_terminate_backend(o.pid))::int AS ended
  FROM (${OTHERS}) AS o WHERE o."mayEnd" AND $2 = ANY (pg_blocking_pids(o.pid))`;

/** Who waits for the fence would write on the old primary as soon as it is released. Returns how many there were. */
export async function endWaiting(session: Session, job: Job, fence: number): Promise<number> {
  let ended = 0;
  await waitUntil({ seconds: 2, every: 5 }, async () => {
    const round = await session.one<{ ended: number }>(END_WAITING_SQL, [
      purposePrefix(job.name, job.owner),
      fence,
    ]);
    ended += round.ended;
    return round.ended === 0;
  });
  return ended;
}

export function describeOther({ pid, role, application }: OtherSession): string {
  return `pid ${String(pid)} of ${role}${application === '' ? '' : ` (${application})`}`;
}
