/** Watches whether the lanes apply, and throws the change that one cannot. */
import type { LaneName } from '../../contract/names.js';
import type { MonitorFigures } from '../../contract/state.js';
import type { Job } from '../job.js';
import { createErrorWatch } from '../monitor/check-health.js';
import type { Session } from '../session.js';
import { explainFailure } from './explain.js';
import { findHeld } from './hold-lane.js';

/**
 * Given figures, and the lanes to which a marker has come, throws ApplyFailure for a lane that is stuck or held; true when
 * `isExplained` says that something else is to be done about it.
 */
export function createApplyWatch(
  job: Job,
  target: Session,
): (
  figures: MonitorFigures,
  marked: ReadonlySet<LaneName>,
  isExplained?: () => Promise<boolean>,
) => Promise<boolean> {
  const findStuck = createErrorWatch();
  return async (figures, marked, isExplained = () => Promise.resolve(false)) => {
    // Without its slot a lane fails for another reason, which is told elsewhere.
    const lanes = figures.lanes.filter(({ walStatus }) => walStatus !== null && walStatus !== 'lost');
    const idle = lanes.filter(({ enabled, lane }) => !enabled && !marked.has(lane));
    const [held] = await findHeld(
      target,
      job.owner,
      idle.map(({ lane }) => lane),
    );
    const stuck = findStuck({ ...figures, lanes }) ?? held;
    if (stuck === undefined) return false;
    if (await isExplained()) return true;
    throw await explainFailure(job, stuck);
  };
}
