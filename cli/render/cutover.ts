import type { CutoverReport, FenceReport, MigrationState } from '../../client/index.js';
import type { CutoverEnd } from '../await-cutover.js';
import type { Terminal } from '../output.js';
import { paintWith } from './colour.js';
import type { Drawing } from './drawing.js';
import { formatClock, formatDuration, formatMany } from './format.js';
import { renderBlocked } from './blocked.js';
import { plain, wrapTo } from './text.js';

/** The report of the last cutover that was asked for, while it says something of the present. */
export function renderCutover({ state, width, paint, now }: Drawing): string[] {
  const { cutover, stage } = state;
  if (!cutover || state.outcome || (cutover.outcome === 'done' && !STILL_TRUE.has(stage))) return [];
  const isBad = cutover.outcome === 'refused' || cutover.outcome === 'undone';
  const head = `${wordOf(cutover)} ${SAID[cutover.outcome]}, ${formatClock(cutover.at, now)}`;
  return [
    isBad ? paint.yellow(`⚠ ${head}`) : head,
    ...cutover.reasons.flatMap((reason) => wrapTo(plain(reason), { width, indent: '  ' })),
  ];
}

/** What was done still is, where it is told. */
const STILL_TRUE: ReadonlySet<string> = new Set(['cutover', 'protect']);

/** A rollback is a cutover the other way round. */
export type SwitchOver = 'cutover' | 'rollback';

function wordOf({ direction }: CutoverReport): SwitchOver {
  return direction === 'back' ? 'rollback' : 'cutover';
}

const SAID: Record<CutoverReport['outcome'], string> = {
  ready: 'could begin',
  refused: 'was refused: nothing was done',
  undone: 'was undone: the lanes go on',
  done: 'is done',
};

/** `writers waited 180 ms · 3 transactions cancelled · 12 sequences set`: of the stage. */
export function describeCutover({ cutover }: MigrationState): string {
  if (cutover?.outcome !== 'done') return '';
  const { stop, sequencesSet, fence } = cutover;
  const parts = [
    ...(fence ? describeFence(fence) : []),
    ...(stop ? [`every lane stood ${formatDuration(stop.stoppedAfterMs)} after the marker`] : []),
    ...(sequencesSet === undefined ? [] : [`${formatMany(sequencesSet, 'sequence')} set`]),
  ];
  return parts.join(' · ');
}

function describeFence({ pauseMs, cancelled, ended, transactionsAfterMarker = 0 }: FenceReport): string[] {
  return [
    `writers waited ${formatDuration(pauseMs)}`,
    ...(cancelled > 0 ? [`${formatMany(cancelled, 'transaction')} cancelled`] : []),
    ...(ended > 0 ? [`${formatMany(ended, 'session')} ended`] : []),
    ...(transactionsAfterMarker > 0
      ? [
          `${formatMany(transactionsAfterMarker, 'transaction')} committed after the marker, and not brought over`,
        ]
      : []),
  ];
}

/** What the command that asked for it says. */
export function renderCutoverEnd(word: SwitchOver, end: CutoverEnd, { width, colour }: Terminal): string[] {
  const { state } = end;
  const { name } = state;
  const paint = paintWith(colour);
  switch (end.kind) {
    case 'blocked':
      return renderBlocked({ state, width, paint });
    case 'ended':
      return [`${name} has ended meanwhile: ${state.status}.`];
    case 'late':
      return [`The ${word} of ${name} has not ended yet. Follow it:  pgtrek status ${name} --watch`];
    case 'report': {
      const { report } = end;
      const reasons = report.reasons.flatMap((reason) => wrapTo(plain(reason), { width, indent: '  ' }));
      return [
        `The ${word} of ${name} ${SAID[report.outcome]}.`,
        ...reasons,
        ...warningsOf(report).flatMap((warning) => wrapTo(`⚠ ${plain(warning)}`, { width, indent: '  ' })),
        ...adviseAfter(word, report, state),
      ];
    }
  }
}

function warningsOf({ warnings = [], fence }: CutoverReport): string[] {
  return [...warnings, ...(fence?.warnings ?? [])];
}

function adviseAfter(
  word: SwitchOver,
  { outcome, fence, wayBack }: CutoverReport,
  state: MigrationState,
): string[] {
  const { name } = state;
  if (outcome === 'ready') return [`Do it:  pgtrek ${word} ${name}`];
  if (outcome !== 'done') return [`Try again:  pgtrek ${word} ${name}`];
  const facts = describeCutover(state);
  const told = facts === '' ? [] : [`  ${facts}`];
  if (word === 'rollback')
    return [
      ...told,
      'The source is the primary again: point the application to it.',
      `Then:  pgtrek finish ${name}      To cut over once more:  pgtrek cutover ${name}`,
    ];
  return [
    ...told,
    fence
      ? 'The target is the primary: point the application to it.'
      : 'The target can be used: point the application to it.',
    `Then:  pgtrek finish ${name}${wayOn(name, fence !== undefined, wayBack)}`,
  ];
}

function wayOn(name: string, hasFence: boolean, wayBack?: true): string {
  if (wayBack) return `      To go back, with nothing lost:  pgtrek rollback ${name}`;
  return hasFence ? '' : `      To go back to replicating:  pgtrek resume ${name}`;
}
