import type { MonitorFigures } from '../../client/index.js';
import { formatBytes, formatDuration, formatRate } from './format.js';
import type { Drawing } from './drawing.js';

/** The newest figures: of the heartbeat, or those that monitor returned last. */
export function monitorFigures({ state, live }: Pick<Drawing, 'state' | 'live'>): MonitorFigures | undefined {
  return live.find((figures) => figures.kind === 'monitor') ?? state.monitor;
}

/** `lag 1.2 MB, 35 ms · source 3.0 MB/s, apply 4.0 MB/s · caught up in 3.0 s`. */
export function renderLag({ paint }: Pick<Drawing, 'paint'>, figures: MonitorFigures | undefined): string {
  if (!figures) return paint.dim('waiting for the first figures');
  const { lagBytes, lagMs, sourceRate, applyRate } = figures;
  const lag = `lag ${formatBytes(lagBytes)}${lagMs === null ? '' : `, ${formatDuration(lagMs)}`}`;
  const rates = `source ${formatRate(sourceRate)}, apply ${formatRate(applyRate)}`;
  return [lag, rates, ...drainOf(figures, paint.yellow)].join(' · ');
}

/** Below this, the lag is that of a commit on its way. */
const CAUGHT_UP_BYTES = 1024 * 1024;

function drainOf({ lagBytes, drainSeconds }: MonitorFigures, warn: (text: string) => string): string[] {
  if (Number(lagBytes) < CAUGHT_UP_BYTES) return [];
  if (drainSeconds === null) return [warn('does not catch up at this rate')];
  return [`caught up in ${formatDuration(drainSeconds * 1_000)}`];
}
