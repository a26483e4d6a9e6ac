/** The figures as a person reads them. */
import { renderColumns } from '../cli/render/columns.js';
import type { Column } from '../cli/render/columns.js';
import { formatBytes, formatCount } from '../cli/render/format.js';
import { padTo, widthOf } from '../cli/render/text.js';
import type { Metric } from './metrics.js';
import { ratioByRound, summarize } from './statistics.js';
import { isMeasured, measureOf, measuredOf, phasesOf, secondsByRound } from './verdict.js';
import type { Measured, Verdict } from './verdict.js';

const COLUMNS: Column[] = [
  { title: 'subject' },
  { title: 'seconds (min–max)', align: 'right' },
  { title: 'ratio', align: 'right' },
  { title: 'peak memory', align: 'right' },
];

export function renderTable(verdicts: Verdict[], { baseline }: { baseline: string }): string[] {
  const base = measuredOf(verdicts, baseline);
  const nameWidth = Math.max(...verdicts.map(({ subject }) => widthOf(subject)));
  const cells = verdicts.map((verdict) => [
    padTo(verdict.subject, nameWidth),
    ...(isMeasured(verdict) ? figuresOf(verdict, base) : []),
  ]);
  const [head = '', ...lines] = renderColumns(COLUMNS, cells, Number.POSITIVE_INFINITY);
  return [
    head,
    ...verdicts.map((verdict, index) =>
      isMeasured(verdict)
        ? (lines[index] ?? '')
        : `${padTo(verdict.subject, nameWidth)}  ${verdict.kind}: ${verdict.reason}`,
    ),
  ];
}

const UNKNOWN = '–';

function figuresOf(verdict: Measured, base: Measured | undefined): string[] {
  const { median, min, max } = summarize(verdict.runs.map(({ seconds }) => seconds));
  const ratio = base && ratioByRound(secondsByRound(verdict), secondsByRound(base));
  const range = verdict.runs.length > 1 ? ` (${formatSeconds(min)}–${formatSeconds(max)})` : '';
  return [
    `${formatSeconds(median)}${range}`,
    ratio === undefined ? UNKNOWN : ratio.toFixed(2),
    measured(verdict, 'peak-memory', formatBytes),
  ];
}

const WORKER_COLUMNS: Column[] = [
  { title: '' },
  { title: 'worker memory', align: 'right' },
  { title: 'worker CPU', align: 'right' },
  { title: 'Temporal CPU', align: 'right' },
  { title: 'history events', align: 'right' },
];

// Linux alone tells the first.
const OF_WORKER: Metric[] = ['worker-cpu', 'history-events'];

/** What only pgtrek has: its worker (or the program in its place), Temporal's server, a history. Empty where it was not measured. */
export function renderWorkerTable(verdicts: Verdict[]): string[] {
  const cells = verdicts
    .filter(isMeasured)
    .filter((verdict) => OF_WORKER.some((metric) => measureOf(verdict, metric) !== undefined))
    .map((verdict) => [
      verdict.subject,
      measured(verdict, 'worker-peak-memory', formatBytes),
      measured(verdict, 'worker-cpu', (seconds) => `${formatSeconds(seconds)} s`),
      measured(verdict, 'temporal-cpu', (seconds) => `${formatSeconds(seconds)} s`),
      measured(verdict, 'history-events', formatCount),
    ]);
  return cells.length === 0 ? [] : renderColumns(WORKER_COLUMNS, cells, Number.POSITIVE_INFINITY);
}

/** Where the time goes: a line for each subject that tells. */
export function renderPhases(verdicts: Verdict[]): string[] {
  const cells = verdicts
    .filter(isMeasured)
    .filter((verdict) => phasesOf(verdict).length > 0)
    .map((verdict) => [
      verdict.subject,
      phasesOf(verdict)
        .map(([name, seconds]) => `${name} ${formatSeconds(seconds)}`)
        .join(', '),
    ]);
  return cells.length === 0
    ? []
    : renderColumns([{ title: '' }, { title: 'seconds by phase' }], cells, Number.POSITIVE_INFINITY);
}

function measured(verdict: Measured, metric: Metric, format: (value: number) => string): string {
  const value = measureOf(verdict, metric);
  return value === undefined ? UNKNOWN : format(value);
}

function formatSeconds(seconds: number): string {
  return seconds.toFixed(1);
}
