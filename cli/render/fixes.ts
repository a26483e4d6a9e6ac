import type { Finding } from '../../client/index.js';
import type { fixHere } from '../../workers/index.js';
import { paintWith } from './colour.js';
import { formatMany } from './format.js';
import { plain } from './text.js';

type Fix = NonNullable<Finding['fix']>;
type Outcome = Awaited<ReturnType<typeof fixHere>>[number];

/** What would be run, by server, whole, each with what takes it back. Pure. */
export function renderFixes(
  fixes: Fix[],
  { colour = false, more = false }: { colour?: boolean; more?: boolean },
): string[] {
  if (fixes.length === 0) return ['Nothing of it can be mended by --fix.'];
  const paint = paintWith(colour);
  const lines = (['source', 'target'] as const).flatMap((end) => {
    const here = fixes.filter(({ on }) => on === end);
    if (here.length === 0) return [];
    return [
      `On the ${end}:`,
      ...here.flatMap(({ statements, undo = [] }) => [
        ...statements.map((statement) => `  ${paint.bold(plain(statement))}`),
        ...undo.map((statement) => paint.dim(`    taken back at the migration’s end: ${plain(statement)}`)),
      ]),
    ];
  });
  return more ? [...lines, 'And the same for the further objects that are found so.'] : lines;
}

/** Pure. */
export function renderOutcomes(
  outcomes: Outcome[],
  findings: Finding[],
  { colour = false }: { colour?: boolean },
): string[] {
  const paint = paintWith(colour);
  const failed = outcomes.filter((outcome) => outcome.failed !== undefined);
  const restarts = new Set(
    outcomes
      .filter((outcome) => outcome.failed === undefined && needsRestart(outcome.fix, findings))
      .map(({ fix }) => fix.on),
  );
  return [
    `${formatMany(outcomes.length - failed.length, 'fix', 'fixes')} done.`,
    ...failed.map(
      ({ fix, failed: why = '' }) =>
        `${paint.red('✖')} ${fix.on}: ${plain(fix.statements.join(' '))}: ${plain(why)}`,
    ),
    ...[...restarts].map((end) => `Now restart the ${end}’s server, and validate again.`),
  ];
}

function needsRestart({ on, statements }: Fix, findings: Finding[]): boolean {
  const wanted = JSON.stringify([on, statements]);
  return findings.some(
    ({ fix, restart }) => restart && fix && JSON.stringify([fix.on, fix.statements]) === wanted,
  );
}
