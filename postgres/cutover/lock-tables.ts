/** The fence: every table locked by one session, with a referee beside it. */
import { setTimeout as delay } from 'node:timers/promises';
import { PgtrekError } from '../../contract/errors.js';
import { sqlState } from '../classify-error.js';
import type { Session } from '../session.js';

const TABLES_SQL = `
  SELECT /* pgtrek: list-fenced */ qualified FROM pgtrek.relation
  WHERE owner = $1 AND kind IN ('r', 'p') AND is_logged AND has_data ORDER BY id`;

/** What the lanes carry, leaves and roots alike. */
export async function readFenced(target: Session, owner: string): Promise<string[]> {
  const rows = await target.query<{ qualified: string }>(TABLES_SQL, [owner]);
  return rows.map(({ qualified }) => qualified);
}

/** An autovacuum ends for a lock that waited for deadlock_timeout, 1 s unless set otherwise. */
const WEAK_LOCK = '3s';

/**
 * Begins the fence's transaction. Nobody who reads or writes waits; autovacuum, changes of the schema and the building of
 * indexes stay off the tables from here on.
 */
export async function lockWeakly(fence: Session, tables: string[]): Promise<void> {
  await fence.client.query('BEGIN');
  if (tables.length === 0) return;
  await fence.query(
    `SET LOCAL lock_timeout = '${WEAK_LOCK}'; LOCK /* pgtrek: lock-weakly */ TABLE ONLY ${tables.join(', ONLY ')} IN SHARE UPDATE EXCLUSIVE MODE`,
  );
}

/** Writers that wait longer than this in vain shall go on first. */
const STRONG_LOCK_MS = 900;
const TRIES = 3;
/** Between two tries, in which the writers go on. */
const BREATH_MS = 200;
/** Longer than this the server does not keep the fence when this process says nothing any more, beyond its time. */
const SLACK_MS = 3_000;

export interface Fencing {
  fence: Session;
  referee: Session;
  tables: string[];
  /** Until when everything must be done. */
  until: number;
  onCancelled: (count: number) => void;
}

/** Afterwards nobody writes to the tables. Throws STOP_FAILED, and names who is in the way. */
export async function lockStrongly(fencing: Fencing): Promise<{ tries: number }> {
  const { fence, tables, until } = fencing;
  if (tables.length === 0) return { tries: 1 };
  for (let tries = 1; ; tries += 1) {
    await fence.query('SAVEPOINT before_strong');
    const { blockers, failure } = await tryStrongly(fencing);
    if (!failure) return { tries };
    await fence.query('ROLLBACK TO SAVEPOINT before_strong');
    if (tries === TRIES || Date.now() + BREATH_MS >= until) {
      throw new PgtrekError(
        'STOP_FAILED',
        `The fence was not had in ${String(tries)} tries of ${String(STRONG_LOCK_MS)} ms: ${await describeBlockers(fencing.referee, blockers)}.`,
        { retryable: true },
      );
    }
    await delay(BREATH_MS);
  }
}

/** Throws what is no matter of patience. */
async function tryStrongly(fencing: Fencing): Promise<{ blockers: number[]; failure: boolean }> {
  const { fence, tables, until } = fencing;
  const left = Math.max(1, until - Date.now());
  const idle = String(left + SLACK_MS);
  return whileRefereeing(fencing, async () => {
    try {
      await fence.query(
        `SET LOCAL idle_in_transaction_session_timeout = ${idle}; SET LOCAL statement_timeout = ${String(Math.min(STRONG_LOCK_MS, left))};
         LOCK /* pgtrek: lock-strongly */ TABLE ONLY ${tables.join(', ONLY ')} IN EXCLUSIVE MODE`,
      );
      return false;
    } catch (error) {
      // Cancelled by its own timeout, or chosen as the victim of a deadlock.
      if (['57014', '55P03', '40P01'].includes(sqlState(error) ?? '')) return true;
      throw error;
    }
  });
}

/** After the decision the server must not drop it: the process may take as long as it takes to open the target. */
export async function keepFence(fence: Session): Promise<void> {
  await fence.query(`SET LOCAL /* pgtrek: keep-fence */ idle_in_transaction_session_timeout = '10min'`);
}

export async function releaseFence(fence: Session): Promise<void> {
  await fence.query('ROLLBACK /* pgtrek: release-fence */');
}

/**
 * Writers that touch several tables deadlock with any order of locks: cancels exactly those that block the fence and, by
 * others or directly, wait for it; and those that wait for it and hold a table that it comes to later, as nothing else can
 * end their wait. Without pg_read_all_stats nobody tells who waits, and everybody is looked at.
 */
const REFEREE_SQL = `
  WITH RECURSIVE waiting AS MATERIALIZED (
    SELECT pid, pg_blocking_pids(pid) AS blockers FROM pg_stat_activity
    WHERE datname = current_database()
      AND (wait_event_type = 'Lock' OR (wait_event_type IS NULL AND query = '<insufficient privilege>'))
  ), w (pid) AS (
    SELECT pid FROM waiting WHERE $1 = ANY (blockers)
    UNION SELECT waiting.pid FROM waiting JOIN w ON w.pid = ANY (waiting.blockers)
  ), b AS MATERIALIZED (SELECT unnest(pg_blocking_pids($1)) AS pid
  ), held AS MATERIALIZED (
    SELECT l.pid, l.relation, l.mode FROM pg_locks l
    WHERE l.locktype = 'relation' AND l.granted AND l.mode <> 'AccessShareLock'
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND EXISTS (SELECT FROM waiting)
  ), doomed AS (
    SELECT h.pid FROM held h JOIN waiting ON waiting.pid = h.pid
    WHERE $1 = ANY (waiting.blockers)
      AND h.relation IN (SELECT relation FROM held WHERE pid = $1 AND mode = 'ShareUpdateExclusiveLock')
      AND h.relation NOT IN (SELECT relation FROM held WHERE pid = $1 AND mode = 'ExclusiveLock')
  )
  SELECT /* pgtrek: referee */ ARRAY(SELECT pid FROM b) AS blockers,
    (SELECT count(*) FILTER (WHERE pg_cancel_backend(a.pid))::int
     FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid
       JOIN pg_roles me ON me.rolname = current_user
     WHERE a.pid IN (SELECT b.pid FROM b JOIN w ON w.pid = b.pid UNION SELECT pid FROM doomed)
       AND (me.rolsuper OR NOT r.rolsuper
         AND (pg_has_role(a.usesysid, 'USAGE') OR pg_has_role('pg_signal_backend', 'USAGE')))) AS cancelled`;

const REFEREE_EVERY_MS = 2;

async function whileRefereeing(
  { fence, referee, onCancelled }: Fencing,
  work: () => Promise<boolean>,
): Promise<{ failure: boolean; blockers: number[] }> {
  let blockers: number[] = [];
  let done = false;
  const watch = async () => {
    while (!done) {
      const seen = await referee.one<{ blockers: number[]; cancelled: number }>(REFEREE_SQL, [fence.pid]);
      if (seen.blockers.length > 0) blockers = seen.blockers;
      if (seen.cancelled > 0) onCancelled(seen.cancelled);
      await delay(REFEREE_EVERY_MS);
    }
  };
  // Without it the fence is had or not: its own timeout tells.
  const watching = watch().catch(() => undefined);
  try {
    return { failure: await work(), blockers };
  } finally {
    done = true;
    await watching;
  }
}

const BLOCKERS_SQL = `
  SELECT /* pgtrek: describe-blockers */ format('pid %s of %s (%s), its transaction open for %s s', pid, usename,
    application_name, coalesce(extract(epoch FROM clock_timestamp() - xact_start)::int::text, '?')) AS who
  FROM pg_stat_activity WHERE pid = ANY ($1::int[])`;

async function describeBlockers(session: Session, pids: number[]): Promise<string> {
  const rows = await session.query<{ who: string }>(BLOCKERS_SQL, [pids]);
  const prepared = pids.includes(0) ? ['a prepared transaction'] : [];
  const who = [...prepared, ...rows.map((row) => row.who)].slice(0, 5);
  return who.length > 0 ? `${who.join('; ')} held a table` : 'others held tables in turn';
}
