/** Watches the lanes for a round: measures, tells every figure, and throws when one cannot go on. */
import { setTimeout as delay } from 'node:timers/promises';
import type { LaneName } from '../../contract/names.js';
import type { MonitorFigures } from '../../contract/state.js';
import { withEnds } from '../job.js';
import type { Job } from '../job.js';
import { journalTable } from '../lane/journal.js';
import { createApplyWatch } from '../apply-errors/watch-apply.js';
import type { Session } from '../session.js';
import { checkHealth } from './check-health.js';
import { createGauge } from './measure.js';
import { createDriftWatch } from './watch-drift.js';

export interface Watch {
  lanes: LaneName[];
  /** Markers that were disarmed, or whose stop is over: they explain no disabled subscription. */
  retired: string[];
  /** The lanes have stopped; only WAL is watched. */
  standing: boolean;
  /** Digest of the drift that is known already; another one, or none, ends the watch. */
  knownDrift?: string;
  seconds: number;
  /** Milliseconds between measurements. */
  every: number;
  onFigures: (figures: MonitorFigures) => void;
}

export async function watchLanes(job: Job, watch: Watch): Promise<MonitorFigures> {
  const { lanes, retired, standing, knownDrift, seconds, every, onFigures } = watch;
  return withEnds(job, 'monitor', async (source, target) => {
    const gauge = createGauge(job, lanes, source, target);
    const watchApply = createApplyWatch(job, target);
    const watchDrift = createDriftWatch(job, lanes, source, target);
    const end = Date.now() + seconds * 1000;
    for (;;) {
      const figures = { ...(await gauge()), ...(await watchDrift()) };
      onFigures(figures);
      const idle = figures.lanes.filter(({ enabled }) => !enabled).map(({ lane }) => lane);
      const marked = await findMarked(target, idle, retired);
      if (!standing) await watchApply(figures, marked);
      checkHealth(figures, { standing, marked });
      const news = figures.driftUnknown === undefined && figures.drift?.digest !== knownDrift;
      if (news || Date.now() >= end) return figures;
      await delay(every, undefined, job.signal ? { signal: job.signal } : {});
    }
  });
}

/** A marker may have come through before the workflow heard that it was committed. */
async function findMarked(
  target: Session,
  lanes: LaneName[],
  retired: string[],
): Promise<ReadonlySet<LaneName>> {
  const marked = new Set<LaneName>();
  for (const lane of lanes) {
    const rows = await target.query(
      `SELECT /* pgtrek: look-for-any-marker */ FROM ${journalTable(lane)}
       WHERE kind = 'marker' AND id <> ALL ($1::text[]) LIMIT 1`,
      [retired],
    );
    if (rows.length > 0) marked.add(lane);
  }
  return marked;
}
