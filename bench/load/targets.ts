/** What pgtrek is to reach, and whether it did. Told at the end of a run; no exit code depends on it. */
import { formatBytes, formatCount } from '../../cli/render/format.js';
import type { Metric } from '../metrics.js';
import { ratioByRound } from '../statistics.js';
import { measureOf, measuredOf, secondsByRound } from '../verdict.js';
import type { Verdict } from '../verdict.js';
import type { DataSetName } from './data-set.js';
import type { SubjectName } from './subject.js';

const TARGET_SUBJECT: SubjectName = 'pgtrek-stream';

export type Target = { dataSet: DataSetName } & (
  | { kind: 'faster'; than: SubjectName; times: number }
  | { kind: 'within'; of: SubjectName; times: number }
  | { kind: 'below'; metric: Metric; limit: number }
);

const MEGABYTE = 1024 * 1024;

const TARGETS: Target[] = [
  { dataSet: 'mixed', kind: 'faster', than: 'pgcopydb', times: 1.15 },
  { dataSet: 'mixed', kind: 'faster', than: 'dump-and-restore', times: 1.5 },
  { dataSet: 'mixed', kind: 'faster', than: 'native-subscription', times: 2 },
  { dataSet: 'mixed', kind: 'within', of: 'floor', times: 1.15 },
  // Temporal's share.
  { dataSet: 'mixed', kind: 'within', of: 'pgtrek-engine', times: 1.03 },
  { dataSet: 'mixed', kind: 'below', metric: 'worker-peak-memory', limit: 300 * MEGABYTE },
  { dataSet: 'single', kind: 'faster', than: 'dump-and-restore', times: 1.5 },
  { dataSet: 'single', kind: 'faster', than: 'pgcopydb', times: 1 },
  { dataSet: 'single', kind: 'faster', than: 'pgcopydb-split', times: 1 },
  { dataSet: 'many', kind: 'faster', than: 'pgcopydb', times: 1 },
  { dataSet: 'many', kind: 'below', metric: 'history-events', limit: 8_000 },
];

export interface Judgement {
  target: Target;
  result: 'reached' | 'missed' | 'not measured';
  /** The figure that was found: a ratio, or what the metric says. */
  found?: number;
}

/** Those of a data set at full scale: of another size they say nothing. */
export function judge(dataSet: DataSetName, verdicts: Verdict[]): Judgement[] {
  return TARGETS.filter((target) => target.dataSet === dataSet).map((target) => {
    const found = foundFor(target, verdicts);
    if (found === undefined) return { target, result: 'not measured' };
    return { target, found, result: isReached(target, found) ? 'reached' : 'missed' };
  });
}

function foundFor(target: Target, verdicts: Verdict[]): number | undefined {
  const subject = measuredOf(verdicts, TARGET_SUBJECT);
  if (subject === undefined) return undefined;
  if (target.kind === 'below') return measureOf(subject, target.metric);
  const other = measuredOf(verdicts, target.kind === 'faster' ? target.than : target.of);
  if (other === undefined) return undefined;
  const [value, base] = target.kind === 'faster' ? [other, subject] : [subject, other];
  return ratioByRound(secondsByRound(value), secondsByRound(base));
}

function isReached(target: Target, found: number): boolean {
  switch (target.kind) {
    case 'faster':
      return found >= target.times;
    case 'within':
      return found <= target.times;
    case 'below':
      return found < target.limit;
  }
}

/** A line for each: `reached        mixed: 1.32 × as fast as pgcopydb (target: 1.15 or more)`. */
export function renderJudgements(judgements: Judgement[]): string[] {
  return judgements.map(
    ({ target, result, found }) =>
      `${result.padEnd('not measured'.length)}  ${target.dataSet}: ${say(target, found)}`,
  );
}

const UNKNOWN = '–';

function say(target: Target, found: number | undefined): string {
  const ratio = found?.toFixed(2) ?? UNKNOWN;
  switch (target.kind) {
    case 'faster':
      return `${ratio} × as fast as ${target.than} (target: ${target.times} or more)`;
    case 'within':
      return `${ratio} × the time of ${target.of} (target: ${target.times} or less)`;
    case 'below': {
      const format = target.metric.endsWith('memory') ? formatBytes : formatCount;
      const value = found === undefined ? UNKNOWN : format(found);
      return `${target.metric} ${value} (target: below ${format(target.limit)})`;
    }
  }
}
