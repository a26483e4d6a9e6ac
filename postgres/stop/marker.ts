/** The marker: one journal row per lane, in one source transaction, that makes the target stop at that commit. */
import { setTimeout as delay } from 'node:timers/promises';
import { escapeLiteral } from 'pg';
import type { MarkerCommitted, MarkerPlan } from '../../contract/activities.js';
import type { LaneName, Lsn } from '../../contract/names.js';
import { sessionOptions, withSource, withTarget } from '../job.js';
import type { Job } from '../job.js';
import { journalTable } from '../lane/journal.js';
import { openSession } from '../session.js';
import type { Session } from '../session.js';

/** How long before the planned time the session is opened that will commit. */
const OPEN_BEFORE_MS = 60_000;
/** A timer of Node may be some milliseconds late; the rest of the wait is the server's. */
const TIMER_SLACK_MS = 60;

/**
 * Arms the nonce on the target, waits for the planned time on the source's clock, and commits the markers. Repeating
 * it is harmless: the rows have fixed ids, and one that is there already is only reported.
 */
export async function commitMarker(
  job: Job,
  marker: MarkerPlan,
  onWait: (text: string) => void,
): Promise<MarkerCommitted> {
  await armMarker(job, marker);
  const { at } = marker.plan;
  if (at !== undefined) await waitLong(job, Date.parse(at), onWait);
  const source = await openSession(job.servers.source, sessionOptions(job, 'stop'));
  try {
    if (at !== undefined) await waitShort(job, source, at);
    return await insertMarkers(job, source, marker);
  } finally {
    await source.close();
  }
}

const ARM_SQL = `
  INSERT /* pgtrek: arm-marker */ INTO pgtrek.armed (owner, lane, nonce)
  SELECT $1, lane, $2 FROM unnest($3::text[]) AS l (lane)
  ON CONFLICT DO NOTHING`;

/** A marker that came through already must not be armed again: it could stop a lane that was resumed. */
async function armMarker(job: Job, marker: MarkerPlan): Promise<void> {
  const committed = await withSource(job, 'stop', (source) => readCommitted(source, marker));
  if (committed) return;
  await withTarget(job, 'stop', (target) => target.query(ARM_SQL, [job.owner, marker.nonce, marker.lanes]));
}

/** `fired`: a lane had already stopped at it, so it is too late to disarm. */
export async function disarmMarker(job: Job, marker: MarkerPlan): Promise<{ fired: boolean }> {
  const disarmed = await withTarget(job, 'stop', (target) =>
    target.query(
      'DELETE /* pgtrek: disarm-marker */ FROM pgtrek.armed WHERE owner = $1 AND nonce = $2 RETURNING lane',
      [job.owner, marker.nonce],
    ),
  );
  if (disarmed.length === marker.lanes.length) return { fired: false };
  const committed = await withSource(job, 'stop', (source) => readCommitted(source, marker));
  return { fired: committed !== undefined };
}

/** Far from the time only the worker's clock is asked, corrected by what the source's said. */
async function waitLong(job: Job, at: number, onWait: (text: string) => void): Promise<void> {
  for (;;) {
    const left = await withSource(job, 'stop', (source) =>
      millisecondsUntil(source, new Date(at).toISOString()),
    );
    if (left <= OPEN_BEFORE_MS) return;
    onWait(`waits for ${new Date(at).toISOString()}, when the marker is due`);
    // Ten minutes of drift between two clocks is far below the minute that is left for the open session.
    await delay(Math.min(left - OPEN_BEFORE_MS, 600_000) + 100, undefined, abortable(job));
  }
}

async function waitShort(job: Job, source: Session, at: string): Promise<void> {
  for (;;) {
    const left = await millisecondsUntil(source, at);
    if (left <= 0) return;
    if (left > TIMER_SLACK_MS) await delay(left - TIMER_SLACK_MS / 2, undefined, abortable(job));
    else await source.query('SELECT /* pgtrek: wait-for-time */ pg_sleep($1)', [left / 1000]);
  }
}

function abortable(job: Job): { signal?: AbortSignal } {
  return job.signal ? { signal: job.signal } : {};
}

async function millisecondsUntil(source: Session, at: string): Promise<number> {
  const { left } = await source.one<{ left: number }>(
    `SELECT (extract(epoch FROM $1::timestamptz - clock_timestamp()) * 1000)::float8 AS left`,
    [at],
  );
  return left;
}

/** All lanes in one transaction: a consistent cut. Nothing else is in it, and it is sent in one piece. */
async function insertMarkers(job: Job, source: Session, marker: MarkerPlan): Promise<MarkerCommitted> {
  const before = await readCommitted(source, marker);
  if (!before) {
    const rows = marker.lanes.map((lane) => insertSql(job, marker, lane));
    await source.query(`BEGIN /* pgtrek: commit-marker */; ${rows.join('; ')}; COMMIT`);
  }
  const { now, lsn } = await source.one<{ now: Date; lsn: Lsn }>(
    'SELECT /* pgtrek: read-clock */ clock_timestamp() AS now, pg_current_wal_insert_lsn()::text AS lsn',
  );
  return { ...describeCommit(marker, before ?? now, before !== undefined), lsn };
}

function insertSql(job: Job, marker: MarkerPlan, lane: LaneName): string {
  const lanes = marker.lanes.map((name) => escapeLiteral(name)).join(', ');
  const payload = escapeLiteral(JSON.stringify({ nonce: marker.nonce, plan: marker.plan }));
  return `
    INSERT INTO ${journalTable(lane)} (id, kind, owner, lanes, payload, at)
    VALUES (${escapeLiteral(marker.marker)}, 'marker', ${escapeLiteral(job.owner)}, ARRAY[${lanes}], ${payload}, clock_timestamp())
    ON CONFLICT (id) DO NOTHING`;
}

/** The time in the row of a marker that an earlier attempt has committed. */
async function readCommitted(source: Session, marker: MarkerPlan): Promise<Date | undefined> {
  const [lane] = marker.lanes;
  if (!lane) return undefined;
  const [row] = await source.query<{ at: Date }>(
    `SELECT /* pgtrek: find-marker */ at FROM ${journalTable(lane)} WHERE id = $1`,
    [marker.marker],
  );
  return row?.at;
}

/** Later than this the marker did not come from a session that was waiting for the time. */
const LATE_MS = 1_000;

function describeCommit(marker: MarkerPlan, committed: Date, earlier: boolean): Omit<MarkerCommitted, 'lsn'> {
  const committedAt = committed.toISOString();
  const { at } = marker.plan;
  if (at === undefined) return { committedAt };
  const overshootMs = Math.max(0, committed.getTime() - Date.parse(at));
  const late =
    overshootMs > LATE_MS
      ? `the marker was committed ${(overshootMs / 1000).toFixed(1)} s after the planned time${earlier ? ', by an earlier attempt' : ': no worker was alive then, the lane did not exist yet, or the servers were slow'}`
      : undefined;
  return { committedAt, overshootMs, ...(late === undefined ? {} : { late }) };
}
