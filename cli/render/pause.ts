import type { MigrationState } from '../../client/index.js';
import type { Drawing } from './drawing.js';
import { formatClock } from './format.js';
import { plain, wrapTo } from './text.js';

/** Since when it is paused and by whom, what that means at this stage, and how it goes on. */
export function renderPause({ state, now, paint, width }: Drawing): string[] {
  const { paused, name, outcome } = state;
  if (!paused || outcome) return [];
  const by = paused.by === undefined ? '' : ` by ${plain(paused.by)}`;
  return [
    paint.yellow(`‖ paused since ${formatClock(paused.since, now)}${by}`),
    ...wrapTo(describePause(state), { width, indent: '  ' }),
    `  go on:  pgtrek resume ${name}`,
  ];
}

/** What goes on, and what does not. */
export function describePause(state: MigrationState): string {
  if (state.stage === 'monitor') {
    const verb = isStanding(state) ? 'stand' : 'are stopping';
    return `The lanes ${verb} at a marker; the source keeps the WAL that is not brought over.`;
  }
  if (state.stage !== 'load') return 'The next stage does not begin.';
  if (state.method === 'native')
    return 'The target server’s own copy goes on; what follows it does not begin.';
  const { tables, tablesCopied } = state.totals;
  const snapshot = tablesCopied < tables ? ' The snapshot stays open on the source meanwhile.' : '';
  return `No new copy or index job begins, and those under way are finished.${snapshot}`;
}

function isStanding({ lanes }: MigrationState): boolean {
  return lanes.every(({ status }) => status === 'stopped' || status === 'dropped');
}
