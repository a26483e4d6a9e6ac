/** What is told of the stops: a table, the verdict, rows. */
import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { printLines } from '../../cli/output.js';
import { renderColumns } from '../../cli/render/columns.js';
import { formatMany } from '../../cli/render/format.js';
import type { Majors } from '../load/servers.js';
import type { StopOptions } from '../program.js';
import { rowsFor, sceneRows, writtenRows } from '../rows.js';
import type { Row } from '../rows.js';
import { summarize } from '../statistics.js';
import type { Summary } from '../statistics.js';
import type { OneStop } from './migration.js';

export interface StopFigures {
  stops: OneStop[];
  /** Of the writer, over all sessions. */
  writtenPerSecond: number;
  /** Processes that ran or waited for a core, in the last minute. */
  load: number;
  majors: Majors;
  /** What the target has wrong at the last stop; nothing: it is exactly there. */
  problems: string[];
}

/** What the median of the overshoot is to be, at most. */
const TARGET_MS = 20;

/** Returns the exit code: a target that is missed does not change it. */
export async function writeReport(options: StopOptions, figures: StopFigures): Promise<number> {
  printLines(renderReport(options, figures));
  if (options.json !== undefined && figures.problems.length === 0)
    await writeFile(options.json, writtenRows(rowsOfStops(options, figures)));
  return figures.problems.length === 0 ? 0 : 1;
}

const METRICS = [
  { metric: 'overshoot', title: 'overshoot, as pgtrek reports it', of: (stop: OneStop) => stop.overshootMs },
  {
    metric: 'commit',
    title: 'overshoot, as the source noted the commit',
    of: (stop: OneStop) => stop.commitMs,
  },
  { metric: 'stood', title: 'from there until every lane stands', of: (stop: OneStop) => stop.stoodMs },
];

export function renderReport(options: StopOptions, figures: StopFigures): string[] {
  const { stops, writtenPerSecond, load, majors, problems } = figures;
  if (problems.length > 0) return ['the target is not where the last stop stands:', ...problems];
  const cells = METRICS.map(({ title, of }) => {
    const { median, min, max } = summarize(stops.map(of));
    return [title, ...[median, min, max].map((value) => value.toFixed(1))];
  });
  return [
    `machine   ${cpus().length} cores, load average ${load.toFixed(1)}`,
    `servers   PostgreSQL ${majors.source} to ${majors.target}, both on this machine`,
    `writer    ${formatMany(options.sessions, 'session')}, ${writtenPerSecond.toFixed(0)} transactions a second`,
    `stops     ${stops.length}, with ${formatMany(options.lanes, 'lane')}; the target was compared at the last, and is exact`,
    '',
    ...renderColumns(
      [
        { title: 'milliseconds' },
        { title: 'median', align: 'right' },
        { title: 'min', align: 'right' },
        { title: 'max', align: 'right' },
      ],
      cells,
      Number.POSITIVE_INFINITY,
    ),
    '',
    judge(summarize(stops.map(({ overshootMs }) => overshootMs))),
  ];
}

function judge({ median }: Summary): string {
  const result = median <= TARGET_MS ? 'reached' : 'missed';
  return `${result}  an overshoot of ${median.toFixed(1)} ms in the median (target: ${TARGET_MS} ms or less)`;
}

export function rowsOfStops(options: StopOptions, figures: StopFigures): Row[] {
  const { stops, writtenPerSecond, load, majors } = figures;
  const lanes = options.lanes === 1 ? '1 lane' : `${options.lanes} lanes`;
  const row = rowsFor({ suite: 'stop', case: lanes });
  return [
    ...sceneRows(row, { load, majors }),
    row('writer', 'sessions', options.sessions, 'sessions'),
    row('writer', 'rate', writtenPerSecond, 'transactions/s'),
    row('pgtrek', 'runs', stops.length, 'runs'),
    ...METRICS.flatMap(({ metric, of }) => {
      const { median, min, max } = summarize(stops.map(of));
      return [
        row('pgtrek', metric, median, 'ms'),
        row('pgtrek', `${metric}-min`, min, 'ms'),
        row('pgtrek', `${metric}-max`, max, 'ms'),
      ];
    }),
  ];
}
