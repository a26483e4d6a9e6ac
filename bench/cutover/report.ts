/** What is told of the cutovers: a table of each case, the verdict, rows. */
import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { printLines } from '../../cli/output.js';
import { renderColumns } from '../../cli/render/columns.js';
import { formatBytes, formatCount } from '../../cli/render/format.js';
import type { Direction } from '../../contract/cutover.js';
import type { Majors } from '../load/servers.js';
import type { CutoverOptions } from '../program.js';
import { rowsFor, sceneRows, writtenRows } from '../rows.js';
import type { Row } from '../rows.js';
import { summarize } from '../statistics.js';
import { msOf } from './migration.js';
import type { CaseFigures, OneChange } from './run-case.js';

export interface CutoverFigures {
  cases: CaseFigures[];
  majors: Majors;
  /** Processes that ran or waited for a core, in the last minute. */
  load: number;
}

/** Of the pause that clients see. */
const TARGET = { medianMs: 300, maxMs: 1_000 };

const SUBJECTS: Record<Direction, string> = { forward: 'cutover', back: 'rollback' };

const METRICS: {
  metric: string;
  title: string;
  unit: string;
  of: (change: OneChange) => number | undefined;
}[] = [
  { metric: 'pause', title: 'pause, as clients see it', unit: 'ms', of: ({ pauseMs }) => pauseMs },
  {
    metric: 'reported-pause',
    title: 'pause, as pgtrek reports it',
    unit: 'ms',
    of: ({ report }) => report.fence?.pauseMs,
  },
  {
    metric: 'fenced',
    title: 'until the fence stands',
    unit: 'ms',
    of: ({ report }) => msOf(report, 'fence'),
  },
  {
    metric: 'stopped',
    title: 'until every lane stands',
    unit: 'ms',
    of: ({ report }) => msOf(report, 'stopped'),
  },
  {
    metric: 'cancelled',
    title: 'transactions cancelled',
    unit: 'transactions',
    of: ({ report }) => report.fence?.cancelled,
  },
  { metric: 'ended', title: 'sessions ended', unit: 'sessions', of: ({ report }) => report.fence?.ended },
  { metric: 'repeated', title: 'attempts not done', unit: 'attempts', of: ({ before }) => before.length },
];

/** Returns the exit code: a target that is missed does not change it. */
export async function writeReport(options: CutoverOptions, figures: CutoverFigures): Promise<number> {
  printLines(renderReport(figures));
  const isRight = figures.cases.every(({ clients }) => clients.problems.length === 0);
  if (options.json !== undefined && isRight)
    await writeFile(options.json, writtenRows(rowsOfCutovers(options, figures)));
  return isRight ? 0 : 1;
}

export function renderReport({ cases, majors, load }: CutoverFigures): string[] {
  return [
    `machine   ${cpus().length} cores, load average ${load.toFixed(1)}`,
    `servers   PostgreSQL ${majors.source} to ${majors.target}, both on this machine`,
    ...cases.flatMap((figures) => ['', ...renderCase(figures)]),
  ];
}

function renderCase({ name, bytes, clients, changes }: CaseFigures): string[] {
  const { committed, perSecond, cancelled, failed, problems } = clients;
  if (problems.length > 0) return [`${name}: what clients have committed is not what there is:`, ...problems];
  return [
    `${name}: ${formatBytes(bytes)}, ${formatCount(committed)} transactions, ${perSecond.toFixed(0)} a second; ${cancelled} cancelled and done again, ${failed} failed; all are there, once`,
    ...(['forward', 'back'] as const).flatMap((direction) => renderDirection(direction, changes)),
  ];
}

function renderDirection(direction: Direction, changes: OneChange[]): string[] {
  const of = changes.filter((change) => change.direction === direction);
  const cells = METRICS.flatMap((metric) => {
    const found = summaryOf(metric, of);
    return found
      ? [[metric.title, ...[found.median, found.min, found.max].map((value) => value.toFixed(0))]]
      : [];
  });
  return [
    ...renderColumns(
      [
        { title: `${SUBJECTS[direction]}, ${of.length} times` },
        { title: 'median', align: 'right' },
        { title: 'min', align: 'right' },
        { title: 'max', align: 'right' },
      ],
      cells,
      Number.POSITIVE_INFINITY,
    ),
    judge(of),
  ];
}

/** Undefined where not all of them tell. */
function summaryOf({ of }: (typeof METRICS)[number], changes: OneChange[]) {
  const values = changes.map(of).filter((value) => value !== undefined);
  return values.length === changes.length && values.length > 0 ? summarize(values) : undefined;
}

function judge(changes: OneChange[]): string {
  const { median, max } = summarize(changes.map(({ pauseMs }) => pauseMs));
  const result = median <= TARGET.medianMs && max <= TARGET.maxMs ? 'reached' : 'missed';
  return `${result}  a pause of ${median.toFixed(0)} ms in the median and ${max.toFixed(0)} ms at most (target: ${TARGET.medianMs} ms and ${TARGET.maxMs} ms or less)`;
}

export function rowsOfCutovers(
  { scale }: Pick<CutoverOptions, 'scale'>,
  { cases, majors, load }: CutoverFigures,
): Row[] {
  return cases.flatMap(({ name, bytes, clients, changes }) => {
    const row = rowsFor({ suite: 'cutover', case: scale === 1 ? name : `${name} at scale ${scale}` });
    return [
      ...sceneRows(row, { load, majors }),
      row('source', 'size', bytes, 'bytes'),
      row('clients', 'committed', clients.committed, 'transactions'),
      row('clients', 'rate', clients.perSecond, 'transactions/s'),
      row('clients', 'cancelled', clients.cancelled, 'transactions'),
      row('clients', 'failed', clients.failed, 'transactions'),
      ...(['forward', 'back'] as const).flatMap((direction) => {
        const of = changes.filter((change) => change.direction === direction);
        const subject = SUBJECTS[direction];
        return [
          row(subject, 'runs', of.length, 'runs'),
          ...METRICS.flatMap((metric) => {
            const found = summaryOf(metric, of);
            if (!found) return [];
            return [
              row(subject, metric.metric, found.median, metric.unit),
              row(subject, `${metric.metric}-min`, found.min, metric.unit),
              row(subject, `${metric.metric}-max`, found.max, metric.unit),
            ];
          }),
        ];
      }),
    ];
  });
}
