/** The marker: one journal row per lane, in one source transaction, that makes the target stop at that commit. */
import { escapeLiteral } from 'pg';
import type { MarkerCommitted, MarkerPlan } from '../../contract/activities.js';
import { lsnToBytes } from '../../contract/names.js';
import type { LaneName, Lsn } from '../../contract/names.js';
import { sessionOptions, withSource, withTarget } from '../job.js';
import type { Job } from '../job.js';
import { journalTable } from '../lane/journal.js';
import { readStanding } from '../lane/standing.js';
import { openSession } from '../session.js';
import type { Session } from '../session.js';
import { waitForPosition, waitLong, waitShort } from './wait-for-point.js';

/**
 * Arms the nonce on the target, waits for the planned time on the source's clock, or for the planned position of its
 * log, and commits the markers. Repeating it is harmless: the rows have fixed ids, and one that is there already is
 * only reported.
 */
export async function commitMarker(
  job: Job,
  marker: MarkerPlan,
  onWait: (text: string) => void,
): Promise<MarkerCommitted> {
  await armMarker(job, marker);
  const { at, lsn } = marker.plan;
  if (at !== undefined) await waitLong(job, Date.parse(at), onWait);
  const source = await openSession(job.servers.source, sessionOptions(job, 'stop'));
  try {
    if (at !== undefined) await waitShort(job, source, at);
    const passedBefore = lsn !== undefined && !(await waitForPosition(job, source, { lsn, onWait }));
    return await insertMarkers(job, source, { marker, passedBefore });
  } finally {
    await source.close();
  }
}

const ARM_SQL = `
  INSERT /* pgtrek: arm-marker */ INTO pgtrek.armed (owner, lane, nonce)
  SELECT $1, lane, $2 FROM unnest($3::text[]) AS l (lane)
  ON CONFLICT DO NOTHING`;

/** A marker that came through already must not be armed again: it could stop a lane that was resumed. */
export async function armMarker(job: Job, marker: MarkerPlan): Promise<void> {
  const committed = await withSource(job, 'stop', (source) => readCommitted(source, marker));
  if (committed) return;
  await withTarget(job, 'stop', (target) => target.query(ARM_SQL, [job.owner, marker.nonce, marker.lanes]));
}

/** `fired`: a lane has already stopped at it, so it is too late to disarm. Judged by the target, and so repeatable. */
export async function disarmMarker(job: Job, marker: MarkerPlan): Promise<{ fired: boolean }> {
  return withTarget(job, 'stop', async (target) => {
    await disarm(target, job.owner, marker);
    for (const lane of marker.lanes) {
      const standing = await readStanding(target, lane);
      if (standing && !standing.enabled && standing.marker === marker.marker) return { fired: true };
    }
    return { fired: false };
  });
}

/** Afterwards it stops no lane any more, or has stopped it: the trigger deletes the same row. */
export async function disarm(target: Session, owner: string, { nonce }: MarkerPlan): Promise<void> {
  await target.query('DELETE /* pgtrek: disarm-marker */ FROM pgtrek.armed WHERE owner = $1 AND nonce = $2', [
    owner,
    nonce,
  ]);
}

/** All lanes in one transaction: a consistent cut. Nothing else is in it, and it is sent in one piece. */
export async function insertMarkers(
  job: Job,
  source: Session,
  { marker, passedBefore }: { marker: MarkerPlan; passedBefore: boolean },
): Promise<MarkerCommitted> {
  const before = await readCommitted(source, marker);
  if (!before) {
    const rows = marker.lanes.map((lane) => insertSql(job, marker, lane));
    await source.query(`BEGIN /* pgtrek: commit-marker */; ${rows.join('; ')}; COMMIT`);
  }
  const { now, lsn } = await source.one<{ now: Date; lsn: Lsn }>(
    'SELECT /* pgtrek: read-clock */ clock_timestamp() AS now, pg_current_wal_insert_lsn()::text AS lsn',
  );
  return {
    ...describeCommit(marker, before?.at ?? now, before !== undefined),
    // What an earlier attempt committed tells where it began; the log has gone on since.
    ...describePosition(marker, before?.lsn ?? lsn, passedBefore && before === undefined),
    lsn,
  };
}

function insertSql(job: Job, marker: MarkerPlan, lane: LaneName): string {
  const lanes = marker.lanes.map((name) => escapeLiteral(name)).join(', ');
  const payload = escapeLiteral(JSON.stringify({ nonce: marker.nonce, plan: marker.plan }));
  return `
    INSERT INTO ${journalTable(lane)} (id, kind, owner, lanes, payload, at)
    VALUES (${escapeLiteral(marker.marker)}, 'marker', ${escapeLiteral(job.owner)}, ARRAY[${lanes}],
      ${payload}::jsonb || jsonb_build_object('lsn', pg_current_wal_insert_lsn()), clock_timestamp())
    ON CONFLICT (id) DO NOTHING`;
}

/** Time and position in the row of a marker that is committed. */
async function readCommitted(
  source: Session,
  marker: MarkerPlan,
): Promise<{ at: Date; lsn: Lsn | null } | undefined> {
  const [lane] = marker.lanes;
  if (!lane) return undefined;
  const [row] = await source.query<{ at: Date; lsn: Lsn | null }>(
    `SELECT /* pgtrek: find-marker */ at, payload->>'lsn' AS lsn FROM ${journalTable(lane)} WHERE id = $1`,
    [marker.marker],
  );
  return row;
}

/** Later than this the marker did not come from a session that was waiting for the time. */
const LATE_MS = 1_000;

function describePosition(
  { plan }: MarkerPlan,
  committed: Lsn,
  passedBefore: boolean,
): Pick<MarkerCommitted, 'overshootBytes' | 'late'> {
  if (plan.lsn === undefined) return {};
  const overshoot = lsnToBytes(committed) - lsnToBytes(plan.lsn);
  const overshootBytes = String(overshoot > 0n ? overshoot : 0n);
  return passedBefore
    ? {
        overshootBytes,
        late: `the source had passed ${plan.lsn} before the wait for it began: no worker was alive then, or the lane did not exist yet`,
      }
    : { overshootBytes };
}

function describeCommit(marker: MarkerPlan, committed: Date, earlier: boolean): Omit<MarkerCommitted, 'lsn'> {
  const committedAt = committed.toISOString();
  const { at } = marker.plan;
  if (at === undefined) return { committedAt };
  const overshootMs = Math.max(0, committed.getTime() - Date.parse(at));
  const late =
    overshootMs > LATE_MS
      ? `the marker was committed ${(overshootMs / 1000).toFixed(1)} s after the planned time${earlier ? ', by an earlier attempt' : ': no worker was alive then, a server was away or slow, or the lane did not exist yet'}`
      : undefined;
  return { committedAt, overshootMs, ...(late === undefined ? {} : { late }) };
}
