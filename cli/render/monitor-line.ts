import type { MonitorFigures, OpenTransaction } from '../../client/index.js';
import { formatBytes, formatClock, formatDuration, formatPercent, formatRate } from './format.js';
import type { Drawing } from './drawing.js';
import { plain, wrapTo } from './text.js';

/** The newest figures: of the heartbeat, or those that monitor returned last. */
export function monitorFigures({ state, live }: Pick<Drawing, 'state' | 'live'>): MonitorFigures | undefined {
  return live.find((figures) => figures.kind === 'monitor') ?? state.monitor;
}

/** `lag 1.2 MB, 35 ms · source 3.0 MB/s, apply 4.0 MB/s · caught up in 3.0 s`. */
export function renderLag({ paint }: Pick<Drawing, 'paint'>, figures: MonitorFigures | undefined): string {
  if (!figures) return paint.dim('waiting for the first figures');
  const { lagBytes, lagMs, sourceRate, applyRate, lanes } = figures;
  const isAlone = lanes.length > 0 && lanes.every(({ slotOnly }) => slotOnly);
  if (isAlone) return `lag ${formatBytes(lagBytes)} · ${paint.dim('as the source alone tells')}`;
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

/** What stands, and since when. */
export function renderAlerts({ state, width, paint, now }: Drawing): string[] {
  if (state.outcome) return [];
  return (state.alerts ?? []).flatMap(({ text, since }) =>
    wrapTo(`⚠ ${plain(text)} (since ${formatClock(since, now)})`, { width, indent: '  ' }).map((line, n) =>
      paint.yellow(n === 0 ? line.trimStart() : line),
    ),
  );
}

/** Younger ones are ordinary traffic. */
const TOLD_AFTER_SECONDS = 60;

/** WAL against the budget, and the transactions of the source that no slot can pass. */
export function renderWal(drawing: Drawing): string[] {
  const figures = drawing.state.outcome ? undefined : monitorFigures(drawing);
  if (!figures) return [];
  const { retainedBytes = '0', walBudget, openTransactions = [] } = figures;
  return [
    ...(walBudget === undefined ? [] : [renderBudget(retainedBytes, walBudget, drawing)]),
    ...openTransactions
      .filter(({ seconds }) => seconds >= TOLD_AFTER_SECONDS)
      .map((open) => drawing.paint.dim(describeOpen(open))),
  ];
}

function renderBudget(retained: string, budget: string, { paint }: Drawing): string {
  const share = Number(retained) / Number(budget);
  const colour = share >= 1 ? paint.red : share >= 0.8 ? paint.yellow : (text: string) => text;
  const percent = share >= 1 ? `${Math.floor(share * 100)} %` : formatPercent(share);
  return colour(`WAL kept on the source: ${formatBytes(retained)}, ${percent} of ${formatBytes(budget)}`);
}

function describeOpen({ pid, gid, seconds, user, database, application, state }: OpenTransaction): string {
  const who = gid === undefined ? `process ${String(pid)}` : `prepared '${plain(gid)}'`;
  const facts = [user, `database ${database}`, ...(application === undefined ? [] : [application]), state];
  return `open on the source for ${formatDuration(seconds * 1_000)}: ${who} (${facts.map(plain).join(', ')})`;
}
