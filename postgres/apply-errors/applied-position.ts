/** How far a lane has applied: the end of the last commit that is on the target. Never a guess. */
import type { LaneName, Lsn } from '../../contract/names.js';
import type { Job } from '../job.js';
import { slotOf } from '../lane/lane-names.js';
import { mayReadProgress } from '../lane/origin.js';
import type { Session } from '../session.js';
import { waitUntil } from '../wait-until.js';

const ORIGIN_SQL = `
  SELECT /* pgtrek: read-applied */ pg_replication_origin_progress('pg_' || oid, true)::text AS applied
  FROM pg_subscription
  WHERE subname = $1 AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())`;

/** Only of a lane whose worker is gone. Undefined where the role may not read it. 0/0: nothing yet. */
export async function readOrigin(target: Session, lane: LaneName): Promise<Lsn | undefined> {
  if (!(await mayReadProgress(target))) return undefined;
  const { applied } = await target.one<{ applied: Lsn | null }>(ORIGIN_SQL, [lane]);
  return applied ?? ('0/0' as Lsn);
}

const HELD_SQL = `
  SELECT /* pgtrek: read-held-position */ applied::text AS applied FROM pgtrek.held WHERE owner = $1 AND lane = $2`;

/** What was seen when the lane was held. */
export async function readHeldPosition(
  target: Session,
  owner: string,
  lane: LaneName,
): Promise<Lsn | undefined> {
  const [held] = await target.query<{ applied: Lsn | null }>(HELD_SQL, [owner, lane]);
  return held?.applied ?? undefined;
}

export async function forgetHeldPosition(target: Session, owner: string, lane: LaneName): Promise<void> {
  await target.query(
    'UPDATE /* pgtrek: forget-held-position */ pgtrek.held SET applied = NULL WHERE owner = $1 AND lane = $2',
    [owner, lane],
  );
}

const CONFIRMED_SQL = `
  SELECT /* pgtrek: read-confirmed */ confirmed_flush_lsn::text AS confirmed FROM pg_replication_slots
  WHERE slot_name = $1`;

export async function readConfirmed(job: Job, source: Session, lane: LaneName): Promise<Lsn> {
  return (await source.one<{ confirmed: Lsn }>(CONFIRMED_SQL, [slotOf(job.spec, lane)])).confirmed;
}

const BEGINNING_SQL = `
  SELECT /* pgtrek: look-for-reader */ a.pid, a.backend_start::text AS began,
    substring(a.query FROM '^START_REPLICATION SLOT .* LOGICAL ([0-9A-F]+/[0-9A-F]+) ') AS at,
    s.confirmed_flush_lsn::text AS confirmed
  FROM pg_replication_slots s JOIN pg_stat_activity a ON a.pid = s.active_pid
  WHERE s.slot_name = $1`;

interface Beginning {
  pid: number;
  began: string;
  at: Lsn | null;
  confirmed: Lsn;
}

export interface SeenPosition {
  applied: Lsn;
  /** Of the slot then: it moves on when the lane does. */
  confirmed: Lsn;
}

/** A failing worker begins every 5 s (wal_retrieve_retry_interval), and lives for some milliseconds. */
const LOOK_SECONDS = 20;
const LOOK_EVERY_MS = 10;

/**
 * For a role that may not read origins: a worker asks the source for what comes after its origin, and the source shows
 * that statement. Two workers, one after the other, that ask for the same have applied nothing in between. Undefined when
 * they are too quick to be seen, or the role may not see them.
 */
export async function watchBeginnings(
  job: Job,
  source: Session,
  lane: LaneName,
): Promise<SeenPosition | undefined> {
  let first: Beginning | undefined;
  let applied: SeenPosition | undefined;
  await waitUntil({ seconds: LOOK_SECONDS, every: LOOK_EVERY_MS, signal: job.signal }, async () => {
    const [seen] = await source.query<Beginning & Record<string, unknown>>(BEGINNING_SQL, [
      slotOf(job.spec, lane),
    ]);
    if (!seen?.at) return false;
    const isNext = first !== undefined && (first.pid !== seen.pid || first.began !== seen.began);
    if (isNext && first?.at === seen.at && first.confirmed === seen.confirmed)
      applied = { applied: seen.at, confirmed: seen.confirmed };
    if (!first || isNext) first = seen;
    return applied !== undefined;
  });
  return applied;
}
