import type { StopReport } from '../../client/index.js';
import { formatBytes, formatDuration, formatMany, formatTime } from './format.js';
import type { Drawing } from './drawing.js';

/** The plan with a countdown, or how the stop went. */
export function describeStop({ state, now, paint }: Pick<Drawing, 'state' | 'now' | 'paint'>): string {
  const { stop, status } = state;
  if (!stop) return '';
  if (stop.report) return describeReport(stop.report, now);
  if (status === 'completed' || status === 'aborted') return '';
  const then = `, then ${stop.then}`;
  if (stop.kind === 'never') return paint.dim(`when told to: pgtrek stop ${state.name} --now`);
  if (stop.kind === 'now') return `as soon as possible${then}`;
  if (stop.kind === 'lsn') return `at ${stop.lsn ?? ''} of the source’s log${then}`;
  const left = Date.parse(stop.at ?? '') - now.getTime();
  const when = left > 0 ? `in ${formatDuration(left)}, ` : '';
  return `${when}at ${formatTime(stop.at ?? '')}${then}`;
}

function describeReport(report: StopReport, now: Date): string {
  const lanes = report.lanes.length === 1 ? '' : `${formatMany(report.lanes.length, 'lane')}, `;
  return `${lanes}marker at ${preciseTime(report.committedAt, now)}${describeOvershoot(report)}; stood ${formatDuration(report.stoppedAfterMs)} later`;
}

/** How far the marker is past what was asked for: a time, or a position. */
function describeOvershoot({ overshootMs, plannedLsn, overshootBytes }: StopReport): string {
  if (plannedLsn !== undefined && overshootBytes !== undefined)
    return `, ${formatBytes(overshootBytes)} past ${plannedLsn}`;
  return overshootMs === undefined ? '' : `, ${formatDuration(overshootMs)} after the planned time`;
}

/** A stop is exact to milliseconds: so is what is said of it. Without the date on the day of `now`. */
function preciseTime(iso: string, now: Date): string {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return iso;
  const text = time.toISOString().replace('T', ' ').replace('Z', ' UTC');
  const today = now.toISOString().slice(0, 10);
  return text.startsWith(today) ? text.slice(11) : text;
}
