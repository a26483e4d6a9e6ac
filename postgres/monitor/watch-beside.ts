/** Watches what our slots hold back on the source while lanes are loaded, or a stage is blocked. */
import { setTimeout as delay } from 'node:timers/promises';
import type { LaneName } from '../../contract/names.js';
import type { MonitorFigures } from '../../contract/state.js';
import { withSource } from '../job.js';
import type { Job } from '../job.js';
import { isNews } from './find-alerts.js';
import { createGauge } from './measure.js';
import { measureSource } from './measure-source.js';
import { withAlerts, withTargetOrAlone } from './watch-alone.js';

export interface WatchBeside {
  /** Subscribed. */
  lanes: LaneName[];
  /** With a slot, and not subscribed. */
  idle: LaneName[];
  knownAlerts: string[];
  seconds: number;
  /** Milliseconds between measurements. */
  every: number;
  onFigures: (figures: MonitorFigures) => void;
}

/** Judges nothing but alerts: whether a lane can go on is for monitor to say. */
export async function watchBeside(job: Job, watch: WatchBeside): Promise<MonitorFigures> {
  const { lanes, idle } = watch;
  // The target is needed for lanes that apply only.
  if (lanes.length === 0)
    return withSource(job, 'beside', (source) => look(job, watch, () => measureSource(job, idle, source)));
  return withTargetOrAlone(job, 'beside', watch, (source, target) =>
    look(job, watch, createGauge(job, { lanes, idle }, source, target)),
  );
}

async function look(
  job: Job,
  { idle, knownAlerts, seconds, every, onFigures }: WatchBeside,
  measure: () => Promise<MonitorFigures>,
): Promise<MonitorFigures> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const figures = withAlerts(job, await measure(), knownAlerts);
    onFigures(figures);
    if (isNews(figures.alerts ?? [], knownAlerts) || isLost(figures, idle) || Date.now() >= end)
      return figures;
    await delay(every, undefined, job.signal ? { signal: job.signal } : {});
  }
}

/** A lane that is loaded has come to nothing, and is better told so now than when it is subscribed. */
function isLost({ lanes }: MonitorFigures, idle: LaneName[]): boolean {
  return lanes.some(
    ({ lane, walStatus }) => idle.includes(lane) && (walStatus === null || walStatus === 'lost'),
  );
}
