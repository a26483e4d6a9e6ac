import { describeChange } from '../../contract/schema-change.js';
import type { Drawing } from './drawing.js';
import { formatClock, formatMany } from './format.js';
import { plain, wrapTo } from './text.js';

/** More changes than a person reads at once. */
const CHANGES_SHOWN = 8;

/** How the source's schema differs from what was dumped, and what can be done. */
export function renderDrift({ state, width, paint, now }: Drawing): string[] {
  const { drift, name, mode } = state;
  if (!drift || state.outcome) return [];
  const shown = drift.changes.slice(0, CHANGES_SHOWN);
  const more = drift.total - shown.length;
  return [
    paint.yellow(
      `⚠ the schema of the source has changed since ${formatClock(drift.since, now)}: ${formatMany(drift.total, 'change')}`,
    ),
    ...shown.flatMap((change) => wrapTo(plain(describeChange(change)), { width, indent: '  ' })),
    ...(more > 0 ? [paint.dim(`  … and ${more} more`)] : []),
    ...(state.stage === 'cutover' || mode === 'cdc'
      ? []
      : [`  begin again:  pgtrek restart ${name} --drop-target`]),
  ];
}
