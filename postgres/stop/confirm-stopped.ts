/** Waits until every lane stands exactly at the marker, and makes that durable on the target. */
import { PgtrekError } from '../../contract/errors.js';
import type { MarkerPlan, Stopped } from '../../contract/activities.js';
import type { LaneName, Lsn } from '../../contract/names.js';
import type { MonitorFigures } from '../../contract/state.js';
import { withEnds } from '../job.js';
import type { Job } from '../job.js';
import { changeSql, passChange } from '../lane/ddl-stop.js';
import { journalTable } from '../lane/journal.js';
import { slotOf } from '../lane/lane-names.js';
import { mayReadProgress } from '../lane/origin.js';
import { isIdleWithin } from '../lane/slot.js';
import { createGauge } from '../monitor/measure.js';
import { createApplyWatch } from '../apply-errors/watch-apply.js';
import { checkHealth } from '../monitor/check-health.js';
import type { Session } from '../session.js';
import { waitUntil } from '../wait-until.js';

export interface LaneAtMarker {
  marker: string | null;
  /** Id of the change of the schema at which it stands. */
  change: string | null;
  enabled: boolean;
  syncing: boolean;
  workers: number;
  lsn: Lsn | null;
}

/** Disabled without the marker row is somebody else's doing, not a stop. */
function stopSql(lane: LaneName, readsProgress: boolean): string {
  // The lane stands at whichever marker came first; $3 are those that nothing stands at any more, null: only $2 counts.
  const lsn = readsProgress ? `pg_replication_origin_progress('pg_' || s.oid, true)::text` : 'NULL::text';
  return `
    SELECT /* pgtrek: look-for-stop */
      (SELECT j.id FROM ${journalTable(lane)} j
        WHERE j.id = $2 OR (j.kind = 'marker' AND j.id <> ALL ($3::text[]))
        ORDER BY j.id = $2 DESC LIMIT 1) AS marker,
      ${changeSql(lane)} AS change,
      s.subenabled AS enabled,
      EXISTS (SELECT FROM pg_subscription_rel r WHERE r.srsubid = s.oid AND r.srsubstate <> 'r') AS syncing,
      (SELECT count(*) FROM pg_stat_subscription w WHERE w.subid = s.oid AND w.pid IS NOT NULL)::int AS workers,
      ${lsn} AS lsn
    FROM pg_subscription s
    WHERE s.subname = $1 AND s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())`;
}

/** Undefined without a subscription. `retired` absent: this marker alone counts. */
export async function lookForStop(
  target: Session,
  lane: LaneName,
  {
    marker,
    retired,
    readsProgress,
  }: { marker: string; retired?: string[] | undefined; readsProgress: boolean },
): Promise<LaneAtMarker | undefined> {
  const [at] = await target.query<LaneAtMarker & Record<string, unknown>>(stopSql(lane, readsProgress), [
    lane,
    marker,
    retired ?? null,
  ]);
  return at;
}

/** All that was committed before the marker is applied, and nothing is being applied any more. */
export function standsAt({ marker, enabled, syncing, workers }: LaneAtMarker): boolean {
  return marker !== null && !enabled && !syncing && workers === 0;
}

export interface StopToConfirm {
  marker: MarkerPlan;
  /** Told as the lanes' position where their origin may not be read. */
  lsn: Lsn;
  retired?: string[] | undefined;
  /** A lane may stand right at a change of the schema instead; otherwise it goes on from there to the marker. */
  standAtChange?: boolean | undefined;
  onFigures: (figures: MonitorFigures) => void;
}

/**
 * Polls fast near the end; `onFigures` gets the lag every second while a backlog drains. The apply worker commits
 * asynchronously, so one synchronous commit on the target comes before anybody acts on the stop.
 */
export async function confirmStopped(
  job: Job,
  { marker, lsn, retired, standAtChange = false, onFigures }: StopToConfirm,
): Promise<Stopped> {
  return withEnds(job, 'stop', async (source, target) => {
    const watch = watchDrain({
      gauge: createGauge(job, { lanes: marker.lanes }, source, target),
      watchApply: createApplyWatch(job, target),
      onFigures,
    });
    const granted = await mayReadProgress(target);
    const lanes: Stopped['lanes'] = [];
    const atChange: LaneName[] = [];
    let markerSeen = marker.marker;
    const look = (lane: LaneName) =>
      lookForStop(target, lane, { marker: marker.marker, retired, readsProgress: granted });
    const findMarked = async () => {
      const marked = new Set<LaneName>();
      for (const lane of marker.lanes) {
        const at = await look(lane);
        if (at?.marker || at?.change) marked.add(lane);
      }
      return marked;
    };
    for (const lane of marker.lanes) {
      await waitUntil({ seconds: Infinity, every: 20, signal: job.signal }, async () => {
        const at = await look(lane);
        if (at?.marker && standsAt(at)) {
          lanes.push({ lane, lsn: at.lsn ?? lsn });
          markerSeen = at.marker;
          return true;
        }
        if (at?.change && at.workers === 0) {
          if (standAtChange) {
            lanes.push({ lane, lsn: at.lsn ?? lsn });
            atChange.push(lane);
            return true;
          }
          await passChange(target, job.owner, { lane, change: at.change });
        }
        // Measuring takes a while: the marker may have come through, and disabled the lane, meanwhile.
        await watch(findMarked);
        return false;
      });
      await confirmIdle(source, slotOf(job.spec, lane));
    }
    await commitSynchronously(job, target);
    return { lanes, marker: markerSeen, ...(atChange.length > 0 ? { atChange } : {}) };
  });
}

/** While the backlog before the marker drains: figures every second, and what keeps the lanes from it is told. */
function watchDrain({
  gauge,
  watchApply,
  onFigures,
}: {
  gauge: () => Promise<MonitorFigures>;
  watchApply: ReturnType<typeof createApplyWatch>;
  onFigures: (figures: MonitorFigures) => void;
}): (findMarked: () => Promise<ReadonlySet<LaneName>>) => Promise<void> {
  let measured = 0;
  return async (findMarked) => {
    if (Date.now() - measured < 1000) return;
    const figures = await gauge();
    measured = Date.now();
    onFigures(figures);
    const marked = await findMarked();
    await watchApply(figures, marked);
    checkHealth(figures, { marked, standing: false });
  };
}

async function confirmIdle(source: Session, slot: string): Promise<void> {
  if (await isIdleWithin(source, slot, 60)) return;
  throw new PgtrekError('STOP_FAILED', `Slot ${slot} stays active after the stop.`, { retryable: true });
}

/** The apply worker commits asynchronously, and a crash may take its stop back: one commit on disk makes it last. */
export async function commitSynchronously(job: Job, target: Session): Promise<void> {
  await target.transaction(async () => {
    await target.query('SET LOCAL synchronous_commit = on');
    await target.query(
      `UPDATE /* pgtrek: barrier */ pgtrek.lane SET status = 'stopped' WHERE owner = $1 AND status <> 'dropped'`,
      [job.owner],
    );
  });
}
