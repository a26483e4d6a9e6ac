/** Looks whether a cutover can begin: nothing is changed. */
import type { CutoverFindings } from '../../contract/cutover.js';
import type { LaneName } from '../../contract/names.js';
import type { LaneFigures, MonitorFigures } from '../../contract/state.js';
import { withEnds } from '../job.js';
import type { Job } from '../job.js';
import { createGauge } from '../monitor/measure.js';
import { checkFence } from './check-fence.js';
import { readPrepared } from './prepared.js';

/** Behind by more than this, the writers would wait too long for the lanes. */
const SMALL_LAG_MS = 2_000;

/** Every reason against it; none: it can begin. */
export async function checkCutover(job: Job, lanes: LaneName[]): Promise<CutoverFindings> {
  return withEnds(job, 'cutover', async (source, target) => {
    const measure = createGauge(job, { lanes }, source, target);
    let figures = await measure();
    const end = Date.now() + SMALL_LAG_MS;
    // A heartbeat that is under way counts with its age so far: it may arrive in the next moment.
    while (isBehind(figures) && Date.now() < end) figures = await measure();
    const reasons = [
      ...(isBehind(figures) ? [lagReason(figures)] : []),
      ...figures.lanes.flatMap(reasonsOfLane),
      ...(await readPrepared(source)),
    ];
    // A spec that an older version completed has no fence.
    if ((job.spec as Partial<typeof job.spec>).cutover === undefined) return { reasons };
    const ofFence = await checkFence(job, lanes, { source, target });
    return { reasons: [...reasons, ...ofFence.reasons], warnings: ofFence.warnings };
  });
}

/** A measurement waits 400 ms for its own heartbeat; one that came through is not behind. */
function isBehind({ lagMs }: MonitorFigures): boolean {
  return lagMs === null || lagMs > 400;
}

function lagReason({ lagBytes, lagMs }: MonitorFigures): string {
  return `the lanes are behind by ${lagBytes} bytes, and more than ${String(lagMs ?? SMALL_LAG_MS)} ms: wait until the lag is small`;
}

function reasonsOfLane({ lane, enabled, workerPid, tables }: LaneFigures): string[] {
  const unready = Object.entries(tables).filter(([state, count]) => state !== 'r' && count > 0);
  return [
    ...(enabled ? [] : [`subscription ${lane} is disabled`]),
    ...(enabled && workerPid === null ? [`subscription ${lane} has no running worker`] : []),
    ...(unready.length > 0 ? [`tables of ${lane} are still being copied`] : []),
  ];
}
