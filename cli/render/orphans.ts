import type { orphansHere } from '../../workers/index.js';
import { paintWith } from './colour.js';
import { formatMany } from './format.js';
import { plain, wrapTo } from './text.js';

type Orphan = Awaited<ReturnType<typeof orphansHere>>[number];

/** What was left, each with the statement that removes it, whole. Pure. */
export function renderOrphans(
  orphans: Orphan[],
  { width, colour = false, remove }: { width: number; colour?: boolean; remove: boolean },
): string[] {
  const paint = paintWith(colour);
  if (orphans.length === 0) return ['Nothing was left.'];
  const lines = orphans.flatMap((orphan) => [
    `${markOf(orphan, remove)} ${orphan.end}: ${plain(orphan.kind)} ${paint.bold(plain(orphan.name))} ${ofWhom(orphan)}`,
    ...(orphan.removed ? [] : wrapTo(orphan.remove, { width, indent: '    ' })),
  ]);
  const left = orphans.filter(({ removed }) => !removed).length;
  if (!remove)
    return [...lines, `${formatMany(left, 'object')} left. Remove with: pgtrek orphans -f <spec> --remove`];
  return [
    ...lines,
    left === 0 ? 'All of it was removed.' : `${formatMany(left, 'object')} could not be removed.`,
  ];
}

function ofWhom({ kind, owner }: Orphan): string {
  // A fix is its migration's, before there is a run.
  return kind === 'fix' ? 'of validate --fix' : `of ${plain(owner ?? 'an unknown owner')}`;
}

function markOf({ removed }: Orphan, remove: boolean): string {
  if (removed) return '✔';
  return remove ? '✖' : '·';
}
