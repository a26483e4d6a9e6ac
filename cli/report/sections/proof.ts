/** What proves where the lanes stood, and that nothing went past the fence. */
import type { MigrationReport, ReportCutover, ReportStop } from '../../../client/index.js';
import type { FenceReport } from '../../../contract/cutover.js';
import { formatBytes, formatDuration, formatMany } from '../../render/format.js';
import { renderBars } from '../bars.js';
import { html } from '../html.js';
import type { Html } from '../html.js';
import { code, facts, formatInstant, list, pill, table } from '../parts.js';
import type { Section } from '../parts.js';

export function stopSection({ stops, outcome }: MigrationReport): Section | undefined {
  if (stops.length === 0) return undefined;
  return {
    id: 'stop',
    title: 'Stop',
    intro:
      'A marker is a row in a journal of our own on the source. Each lane stops by itself at exactly the commit of that row: all before it is on the target, nothing after it.',
    body: html`${stops.map((stop) => renderStop(stop, outcome?.sequencesSet))}`,
  };
}

function renderStop(stop: ReportStop, sequencesSet: number | undefined): Html {
  const {
    plannedAt,
    plannedLsn,
    committedAt,
    overshootMs,
    overshootBytes,
    late,
    lsn,
    marker,
    stoppedAfterMs,
  } = stop;
  return html`<h3>
      ${stop.purpose}
      ${stop.confirmed ? pill('the lanes stood there', 'good') : pill('not seen to stand', 'warn')}
    </h3>
    ${facts([
      ['Planned for', plannedAt === undefined ? plannedLsn && code(plannedLsn) : formatInstant(plannedAt)],
      ['Marker committed', `${formatInstant(committedAt)}, by the source’s clock`],
      [
        'Overshoot',
        overshootMs === undefined
          ? overshootBytes && formatBytes(overshootBytes)
          : formatDuration(overshootMs),
      ],
      ['Late', late],
      ['Marker', code(marker)],
      ['Source’s log then', lsn && code(lsn)],
      ['Lanes', lanesOf(stop.lanes)],
      ['Lanes stood after', stoppedAfterMs === undefined ? undefined : formatDuration(stoppedAfterMs)],
      [
        'Sequences',
        stop.confirmed && sequencesSet !== undefined && stop.purpose.startsWith('stop')
          ? `${String(sequencesSet)} set afterwards`
          : undefined,
      ],
    ])}`;
}

function lanesOf(lanes: { lane: string; lsn: string }[] | undefined): Html | undefined {
  if (!lanes || lanes.length === 0) return undefined;
  return html`${lanes.map(({ lane, lsn }) => html`<div>${code(lane)} at ${code(lsn)}</div>`)}`;
}

const TONES = { ready: 'plain', refused: 'warn', undone: 'warn', done: 'good' } as const;

export function cutoverSection({ cutovers }: MigrationReport): Section | undefined {
  if (cutovers.length === 0) return undefined;
  return {
    id: 'cutover',
    title: 'Cutover',
    intro:
      'Every cutover and rollback that was tried, oldest first. One that failed was taken back, and writers went on.',
    body: html`${cutovers.map(renderCutover)}`,
  };
}

function renderCutover(cutover: ReportCutover): Html {
  const { outcome, at, direction, reasons, sequencesSet, fence, stop } = cutover;
  const what = outcome === 'ready' ? 'Dry run' : direction === 'back' ? 'Rollback' : 'Cutover';
  const way = direction === 'back' ? 'from the target back to the source' : 'from the source to the target';
  return html`<h3>${what} ${pill(outcome, TONES[outcome])}</h3>
    ${facts([
      ['At', formatInstant(at)],
      ['Way', way],
      ['Reasons', reasons.length > 0 ? list(reasons) : undefined],
      ['Sequences', sequencesSet === undefined ? undefined : `${String(sequencesSet)} set`],
      ['Lanes', fence ? undefined : lanesOf(stop?.lanes)],
    ])}
    ${fence && renderFence(fence)}`;
}

const FENCES = {
  lock: 'lock: writers waited',
  'read-only': 'read-only: sessions were ended, and new ones could only read',
  external: 'external: the caller had stopped the writers',
} as const;

function renderFence(fence: FenceReport): Html {
  const { steps, pauseMs, cancelled, ended, marker, lanes, transactionsAfterMarker, hooks, warnings } = fence;
  const whole = Math.max(1, pauseMs, ...steps.map(({ ms }) => ms));
  const bars = steps.map(({ step, ms }, n) => ({
    name: step,
    value: formatDuration(ms),
    from: (steps[n - 1]?.ms ?? 0) / whole,
    to: ms / whole,
  }));
  return html`${facts([
    ['Fence', FENCES[fence.kind]],
    ['Begun', `${formatInstant(fence.begunAt)}, by the worker’s clock`],
    ['Write pause', html`<strong>${formatDuration(pauseMs)}</strong>`],
    ['Cancelled', `${formatMany(cancelled, 'transaction')} of others`],
    ['Ended', `${formatMany(ended, 'session')} of others`],
    ['Marker', marker && code(marker)],
    ['Lanes', lanesOf(lanes)],
    [
      'After the marker',
      transactionsAfterMarker === undefined ? undefined : describeAfter(transactionsAfterMarker),
    ],
    ['Warnings', warnings.length > 0 ? list(warnings) : undefined],
  ])}
  ${
    bars.length > 0 &&
    html`<h4>Steps, in time since the fence began</h4>
      ${renderBars(bars, 'Steps of the cutover')}`
  }
  ${
    hooks.length > 0 &&
    html`<h4>Hooks</h4>
      ${table(
        [
          { label: 'Hook' },
          { label: 'Moment' },
          { label: 'Result' },
          { label: 'Tries', kind: 'num' },
          { label: 'Took', kind: 'num' },
          { label: 'Said' },
        ],
        hooks.map(({ n, kind, moment, ok, attempts, ms, text }) => [
          `${String(n)} ${kind}`,
          moment,
          pill(ok ? 'ok' : 'failed', ok ? 'good' : 'bad'),
          attempts,
          formatDuration(ms),
          text,
        ]),
      )}`
  }`;
}

function describeAfter(count: number): string {
  if (count === 0) return 'no transaction with changes of our tables: nothing went past the fence';
  return `${formatMany(count, 'transaction')} with changes of our tables went past the fence`;
}
