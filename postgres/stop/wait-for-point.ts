/** Waits for the point of a planned stop: a time on the source's clock, or a position of its log. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Lsn } from '../../contract/names.js';
import { withSource } from '../job.js';
import type { Job } from '../job.js';
import type { Session } from '../session.js';

/** How long before the planned time the session is opened that will commit. */
const OPEN_BEFORE_MS = 60_000;
/** How often the open session is tried: one that a crash of the source has ended must be opened anew before the time. */
const LOOK_EVERY_MS = 2_000;
/** A timer of Node may be some milliseconds late; the rest of the wait is the server's. */
const TIMER_SLACK_MS = 60;

/** Far from the time only the worker's clock is asked, corrected by what the source's said. */
export async function waitLong(job: Job, at: number, onWait: (text: string) => void): Promise<void> {
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

export async function waitShort(job: Job, source: Session, at: string): Promise<void> {
  for (;;) {
    const left = await millisecondsUntil(source, at);
    if (left <= 0) return;
    const pause = Math.min(left - TIMER_SLACK_MS / 2, LOOK_EVERY_MS);
    if (left > TIMER_SLACK_MS) await delay(pause, undefined, abortable(job));
    else await source.query('SELECT /* pgtrek: wait-for-time */ pg_sleep($1)', [left / 1000]);
  }
}

/** Looks again when half of the bytes that are left should be written, at the rate seen, and at least so often. */
const POSITION_POLL_MS = { min: 2, max: 1_000 };

/** False when the source had passed the position before the wait began. */
export async function waitForPosition(
  job: Job,
  source: Session,
  { lsn, onWait }: { lsn: string; onWait: (text: string) => void },
): Promise<boolean> {
  let last: { left: number; at: number } | undefined;
  for (;;) {
    const { left } = await source.one<{ left: number }>(
      `SELECT /* pgtrek: look-for-position */
         pg_wal_lsn_diff($1::pg_lsn, pg_current_wal_insert_lsn())::float8 AS left`,
      [lsn],
    );
    if (left <= 0) return last !== undefined;
    onWait(`waits for ${lsn} of the source's log, which is ${left.toFixed(0)} bytes away`);
    const now = Date.now();
    const rate = last ? (last.left - left) / Math.max(now - last.at, 1) : 0;
    const half = rate > 0 ? left / rate / 2 : POSITION_POLL_MS.max;
    last = { left, at: now };
    await delay(
      Math.min(Math.max(half, POSITION_POLL_MS.min), POSITION_POLL_MS.max),
      undefined,
      abortable(job),
    );
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

/** Where the source's log ends now. */
export function readPosition(job: Job): Promise<{ lsn: Lsn }> {
  return withSource(job, 'stop', (source) =>
    source.one<{ lsn: Lsn }>('SELECT /* pgtrek: read-position */ pg_current_wal_insert_lsn()::text AS lsn'),
  );
}
