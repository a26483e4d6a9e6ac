import type { CutoverReport, MigrationState } from '../../client/index.js';
import type { CutoverEnd } from '../await-cutover.js';
import type { Terminal } from '../output.js';
import { paintWith } from './colour.js';
import type { Drawing } from './drawing.js';
import { formatClock, formatDuration, formatMany } from './format.js';
import { renderBlocked } from './status-parts.js';
import { plain, wrapTo } from './text.js';

/** The report of the last cutover that was asked for, while it says something of the present. */
export function renderCutover({ state, width, paint, now }: Drawing): string[] {
  const { cutover, stage } = state;
  if (!cutover || state.outcome || (cutover.outcome === 'done' && stage !== 'cutover')) return [];
  const isBad = cutover.outcome === 'refused' || cutover.outcome === 'undone';
  const head = `${wordOf(cutover)} ${SAID[cutover.outcome]}, ${formatClock(cutover.at, now)}`;
  return [
    isBad ? paint.yellow(`⚠ ${head}`) : head,
    ...cutover.reasons.flatMap((reason) => wrapTo(plain(reason), { width, indent: '  ' })),
  ];
}

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

/** `every lane stood 62 ms after the marker · 12 sequences set`: of the stage. */
export function describeCutover({ cutover }: MigrationState): string {
  if (cutover?.outcome !== 'done') return '';
  const { stop, sequencesSet } = cutover;
  const parts = [
    ...(stop ? [`every lane stood ${formatDuration(stop.stoppedAfterMs)} after the marker`] : []),
    ...(sequencesSet === undefined ? [] : [`${formatMany(sequencesSet, 'sequence')} set`]),
  ];
  return parts.join(' · ');
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
        ...adviseAfter(word, report, state),
      ];
    }
  }
}

function adviseAfter(word: SwitchOver, { outcome }: CutoverReport, state: MigrationState): string[] {
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
    'The target can be used: point the application to it.',
    `Then:  pgtrek finish ${name}      To go back to replicating:  pgtrek resume ${name}`,
  ];
}
