/** What is told of the cases: tables, targets, rows, a picture. */
import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { printLines } from '../../cli/output.js';
import type { LoadOptions } from '../program.js';
import { renderPlot } from '../plot.js';
import { rowsOf, writtenRows } from '../rows.js';
import { renderPhases, renderTable, renderWorkerTable } from '../table.js';
import { isMeasured } from '../verdict.js';
import type { Verdict } from '../verdict.js';
import type { DataSetName } from './data-set.js';
import { describeSize, rowsOfScene } from './scene.js';
import type { Scene } from './scene.js';
import { BASELINE, JOBS } from './subject.js';
import { judge, renderJudgements } from './targets.js';

const SUITE = 'load';

export interface CaseResult {
  /** Also of the rows. */
  name: string;
  dataSet: DataSetName;
  verdicts: Verdict[];
  /** Absent where nothing could run. */
  scene?: Scene;
}

/** Figures of different sizes must never be taken for one case. */
export function caseOf({ scale }: Pick<LoadOptions, 'scale'>, dataSet: DataSetName): string {
  return scale === 1 ? dataSet : `${dataSet} at scale ${scale}`;
}

export function printCase({ verdicts }: CaseResult): void {
  const tables = [
    renderTable(verdicts, { baseline: BASELINE }),
    renderWorkerTable(verdicts),
    renderPhases(verdicts),
  ];
  printLines(tables.filter((lines) => lines.length > 0).flatMap((lines) => [...lines, '']));
}

/** Returns the exit code: a target that is missed does not change it. */
export async function writeReport(options: LoadOptions, results: CaseResult[]): Promise<number> {
  printLines(targetLines(options, results));
  if (options.json !== undefined) await writeFile(options.json, writtenRows(results.flatMap(rowsOfCase)));
  if (options.plot !== undefined) await writeFile(options.plot, plotOf(results));
  const verdicts = results.flatMap((result) => result.verdicts);
  return verdicts.some(isMeasured) && verdicts.every(({ kind }) => kind !== 'failed') ? 0 : 1;
}

function targetLines({ scale }: LoadOptions, results: CaseResult[]): string[] {
  if (scale !== 1) return ['targets are for the full sets of data: not measured at another --scale'];
  return [
    'targets',
    ...results.flatMap(({ dataSet, verdicts }) => renderJudgements(judge(dataSet, verdicts))),
  ];
}

function rowsOfCase({ name, verdicts, scene }: CaseResult) {
  const of = { suite: SUITE, case: name };
  const context = scene ? rowsOfScene(scene).map((row) => ({ ...of, ...row })) : [];
  return [...context, ...rowsOf({ ...of, baseline: BASELINE, verdicts })];
}

function plotOf(results: CaseResult[]): string {
  const servers = results.find(({ scene }) => scene)?.scene?.servers;
  const majors = servers && `PostgreSQL ${servers.source.major} to ${servers.target.major}, `;
  return renderPlot({
    title: 'Seconds until the whole database is on the other server',
    subtitle: `${majors ?? ''}${JOBS} jobs, ${cpus().length} cores for servers and clients; median of the runs, shortest to longest`,
    highlighted: 'pgtrek',
    cases: results.map(({ name, verdicts, scene }) => ({
      title: scene ? `${name}: ${describeSize(scene)}` : name,
      verdicts,
    })),
  });
}
