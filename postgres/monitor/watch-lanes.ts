/** Watches the lanes for a round: measures, tells every figure, and throws when one cannot go on. */
import { setTimeout as delay } from 'node:timers/promises';
import type { LaneName } from '../../contract/names.js';
import type { MonitorFigures } from '../../contract/state.js';
import { withEnds } from '../job.js';
import type { Job } from '../job.js';
import { journalTable } from '../lane/journal.js';
import type { Session } from '../session.js';
import { checkHealth, createErrorWatch } from './check-health.js';
import { createGauge } from './measure.js';

export interface Watch {
  lanes: LaneName[];
  /** Id of a marker that may come through meanwhile, or has. */
  marker?: string | undefined;
  seconds: number;
  /** Milliseconds between measurements. */
  every: number;
  onFigures: (figures: MonitorFigures) => void;
}

export async function watchLanes(job: Job, watch: Watch): Promise<MonitorFigures> {
  const { lanes, marker, seconds, every, onFigures } = watch;
  return withEnds(job, 'monitor', async (source, target) => {
    const gauge = createGauge(job, lanes, source, target);
    const watchErrors = createErrorWatch();
    const end = Date.now() + seconds * 1000;
    for (;;) {
      const figures = await gauge();
      onFigures(figures);
      const idle = figures.lanes.some(({ enabled }) => !enabled);
      checkHealth(figures, { stopping: idle && (await hasMarker(target, lanes, marker)) });
      watchErrors(figures);
      if (Date.now() >= end) return figures;
      await delay(every, undefined, job.signal ? { signal: job.signal } : {});
    }
  });
}

async function hasMarker(target: Session, lanes: LaneName[], marker: string | undefined): Promise<boolean> {
  if (marker === undefined) return false;
  for (const lane of lanes) {
    const rows = await target.query(`SELECT FROM ${journalTable(lane)} WHERE id = $1`, [marker]);
    if (rows.length > 0) return true;
  }
  return false;
}
