/** Lets every lane come as far as it can before a change of the schema: to a marker, or to what it cannot apply. */
import { escapeIdentifier } from 'pg';
import type { MarkerPlan } from '../../contract/activities.js';
import { PgtrekError } from '../../contract/errors.js';
import type { LaneName } from '../../contract/names.js';
import type { MonitorFigures } from '../../contract/state.js';
import { withEnds } from '../job.js';
import type { Job } from '../job.js';
import { passChange } from '../lane/ddl-stop.js';
import { journalTable } from '../lane/journal.js';
import { readStanding } from '../lane/standing.js';
import { isSubscribed } from '../lane/subscription.js';
import { createErrorWatch } from '../monitor/check-health.js';
import { createGauge } from '../monitor/measure.js';
import type { Session } from '../session.js';
import { waitUntil } from '../wait-until.js';

export interface ChangeToMeet {
  marker: MarkerPlan;
  /** Markers at which nothing stands any more. */
  retired: string[];
  onFigures: (figures: MonitorFigures) => void;
}

/**
 * Until each lane stands right at the last change, or at the marker (or at the marker of a stop that came first), or has stumbled: then its
 * subscription is disabled, and all that its source committed before the change is applied. A lane that stumbled before
 * is tried again first.
 */
export async function standForChange(
  job: Job,
  { marker, retired, onFigures }: ChangeToMeet,
): Promise<{ stumbled: LaneName[] }> {
  return withEnds(job, 'stop', async (source, target) => {
    const stands = async (lane: LaneName) => {
      const standing = await readStanding(target, lane);
      if (standing?.enabled !== false) return false;
      const { marker: at, change } = standing;
      if (change === null) return at !== null && !retired.includes(at);
      if (change === (await readLastChange(source, lane))) return true;
      await passChange(target, job.owner, { lane, change });
      return false;
    };
    for (const lane of marker.lanes) if (!(await stands(lane))) await setEnabled(target, lane, true);
    const stumbled = new Set<LaneName>();
    const running = new Set(marker.lanes);
    const gauge = createGauge(job, { lanes: marker.lanes }, source, target);
    const findStuck = createErrorWatch();
    let measured = 0;
    await waitUntil({ seconds: Infinity, every: 50, signal: job.signal }, async () => {
      for (const lane of running) if (await stands(lane)) running.delete(lane);
      if (running.size > 0 && Date.now() - measured > 1000) {
        const figures = await gauge();
        measured = Date.now();
        onFigures(figures);
        const failing = findStuck({
          ...figures,
          lanes: figures.lanes.filter(({ lane }) => running.has(lane)),
        });
        if (failing) {
          await setEnabled(target, failing, false);
          running.delete(failing);
          stumbled.add(failing);
        }
      }
      return running.size === 0;
    });
    for (const lane of marker.lanes) await awaitNoWorker(job, target, lane);
    return { stumbled: [...stumbled] };
  });
}

/** Rows behind an earlier change are not of the shape that the source has now. */
async function readLastChange(source: Session, lane: LaneName): Promise<string | undefined> {
  const [row] = await source.query<{ id: string }>(
    `SELECT /* pgtrek: read-last-change */ id FROM ${journalTable(lane)} WHERE kind = 'ddl' ORDER BY at DESC LIMIT 1`,
  );
  return row?.id;
}

async function setEnabled(target: Session, lane: LaneName, enabled: boolean): Promise<void> {
  if (!(await isSubscribed(target, lane))) return;
  await target.query(
    `ALTER /* pgtrek: ${enabled ? 'try-again' : 'stop-stumbling'} */ SUBSCRIPTION ${escapeIdentifier(lane)} ${enabled ? 'ENABLE' : 'DISABLE'}`,
  );
}

async function awaitNoWorker(job: Job, target: Session, lane: LaneName): Promise<void> {
  const gone = await waitUntil({ seconds: 60, every: 50, signal: job.signal }, async () => {
    const rows = await target.query(
      `SELECT /* pgtrek: look-for-apply-worker */ FROM pg_stat_subscription WHERE subname = $1 AND pid IS NOT NULL`,
      [lane],
    );
    return rows.length === 0;
  });
  if (gone) return;
  throw new PgtrekError('STOP_FAILED', `The worker of subscription ${lane} goes on after it was disabled.`, {
    object: lane,
    retryable: true,
  });
}
