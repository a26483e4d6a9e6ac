/** What a watch shares that must go on while the target is away: that is when WAL piles up on the source. */
import type { LaneName } from '../../contract/names.js';
import type { MonitorFigures } from '../../contract/state.js';
import { isRetryable } from '../classify-error.js';
import { withSource, withTarget } from '../job.js';
import type { Job } from '../job.js';
import type { Session } from '../session.js';
import { findAlerts, isNews } from './find-alerts.js';
import { measureSource } from './measure-source.js';

/** Without `known`, which a spec of a former version has not, none are looked for. */
export function withAlerts(job: Job, figures: MonitorFigures, known: string[] | undefined): MonitorFigures {
  return known === undefined ? figures : { ...figures, alerts: findAlerts(figures, job.spec, known) };
}

export interface Alone {
  lanes: LaneName[];
  idle?: LaneName[];
  knownAlerts?: string[];
  onFigures: (figures: MonitorFigures) => void;
}

/**
 * The work, with both ends. Where that fails and may pass, what the source alone tells is returned if it is news; otherwise
 * the failure is thrown, and the next attempt looks again.
 */
export async function withTargetOrAlone(
  job: Job,
  step: string,
  { lanes, idle = [], knownAlerts, onFigures }: Alone,
  work: (source: Session, target: Session) => Promise<MonitorFigures>,
): Promise<MonitorFigures> {
  return withSource(job, step, async (source) => {
    try {
      return await withTarget(job, step, (target) => work(source, target));
    } catch (error) {
      job.signal?.throwIfAborted();
      if (knownAlerts === undefined || !isRetryable(error)) throw error;
      const seen = await measureSource(job, [...lanes, ...idle], source).catch(() => undefined);
      if (!seen) throw error;
      const figures = withAlerts(job, seen, knownAlerts);
      onFigures(figures);
      if (!isNews(figures.alerts ?? [], knownAlerts)) throw error;
      return figures;
    }
  });
}
