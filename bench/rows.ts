/** The figures as rows of one shape, so that those of many runs and suites can be put into one table. */
import { cpus } from 'node:os';
import { METRICS, METRIC_NAMES } from './metrics.js';
import { ratioByRound, summarize } from './statistics.js';
import { isMeasured, measureOf, phasesOf, secondsByRound } from './verdict.js';
import type { Measured, Verdict } from './verdict.js';

export interface Row {
  suite: string;
  case: string;
  subject: string;
  metric: string;
  value: number;
  unit: string;
}

export interface Figures {
  suite: string;
  case: string;
  /** The subject that the others are compared with. */
  baseline: string;
  verdicts: Verdict[];
}

type Figure = Pick<Row, 'metric' | 'value' | 'unit'>;

/** A subject that did not run, or failed, has no rows. */
export function rowsOf({ suite, case: name, baseline, verdicts }: Figures): Row[] {
  const measured = verdicts.filter(isMeasured);
  const base = measured.find(({ subject }) => subject === baseline);
  return measured.flatMap((verdict) =>
    figuresOf(verdict, base).map((figure) => ({ suite, case: name, subject: verdict.subject, ...figure })),
  );
}

function figuresOf(verdict: Measured, base: Measured | undefined): Figure[] {
  const { median, min, max } = summarize(verdict.runs.map(({ seconds }) => seconds));
  const ratio = base && ratioByRound(secondsByRound(verdict), secondsByRound(base));
  const second = (metric: string, value: number) => ({ metric, value: round3(value), unit: 's' });
  return [
    second('time', median),
    second('time-min', min),
    second('time-max', max),
    { metric: 'runs', value: verdict.runs.length, unit: 'runs' },
    ...(base === undefined || ratio === undefined
      ? []
      : [{ metric: 'time-ratio', value: round3(ratio), unit: `of ${base.subject}` }]),
    ...METRIC_NAMES.flatMap((metric) => {
      const value = measureOf(verdict, metric);
      return value === undefined ? [] : [{ metric, value: round3(value), unit: METRICS[metric].unit }];
    }),
    ...phasesOf(verdict).map(([name, seconds]) => second(`phase-${name}`, seconds)),
  ];
}

type MakeRow = (subject: string, metric: string, value: number, unit: string) => Row;

/** Of a suite whose figures are not times of subjects. */
export function rowsFor(of: Pick<Row, 'suite' | 'case'>): MakeRow {
  return (subject, metric, value, unit) => ({ ...of, subject, metric, value: round3(value), unit });
}

/** Where they were measured. */
export function sceneRows(
  row: MakeRow,
  { load, majors }: { load: number; majors: { source: number; target: number } },
): Row[] {
  return [
    row('machine', 'cores', cpus().length, 'cores'),
    row('machine', 'load-average', load, 'processes'),
    row('source', 'server-major', majors.source, 'major'),
    row('target', 'server-major', majors.target, 'major'),
  ];
}

function round3(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}

/** A JSON array with one row a line, so that two files can be compared. */
export function writtenRows(rows: Row[]): string {
  return `[\n${rows.map((row) => `  ${JSON.stringify(row)}`).join(',\n')}\n]\n`;
}
