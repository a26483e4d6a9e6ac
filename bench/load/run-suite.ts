/** `npm run bench -- load`: the same databases move in several ways, in turn. */
import { printLines } from '../../cli/output.js';
import { formatBytes } from '../../cli/render/format.js';
import { Belongings } from '../../dev/belongings.js';
import { embeddedMajors } from '../../dev/cluster.js';
import { Interrupted, catchInterrupt } from '../../dev/interrupt.js';
import type { ClientTools } from '../../postgres/client-tools.js';
import type { LoadOptions } from '../program.js';
import { createProgress } from '../progress.js';
import type { Progress } from '../progress.js';
import type { Run } from '../verdict.js';
import type { DataSetName } from './data-set.js';
import { DATA_SETS } from './data-sets.js';
import { findTools, newestToolsMajor } from './find-tools.js';
import { describePgcopydb } from './pgcopydb.js';
import { caseOf, printCase, writeReport } from './report.js';
import type { CaseResult } from './report.js';
import { runOnce } from './run-once.js';
import { describeScene, openScene } from './scene.js';
import type { Scene } from './scene.js';
import { chooseMajors } from './servers.js';
import { openStage } from './stage.js';
import type { Stage } from './stage.js';
import { Standings } from './standings.js';
import type { Subject, SubjectName } from './subject.js';
import { subjectsOf } from './subjects.js';

/** Returns the exit code: 0 when every subject that can run here was measured. However it ends, nothing is left. */
export async function runLoadSuite(options: LoadOptions): Promise<number> {
  const belongings = new Belongings();
  const interrupt = catchInterrupt();
  const givenUp = new AbortController();
  const suite = { options, belongings, signal: givenUp.signal, progress: createProgress() };
  try {
    return await Promise.race([runSuite(suite), interrupt.happens]);
  } catch (error) {
    if (error instanceof Interrupted) return error.exitCode;
    throw error;
  } finally {
    givenUp.abort();
    for (const failure of await belongings.closeAll()) console.error(failure);
    interrupt.forget();
  }
}

interface Suite {
  options: LoadOptions;
  belongings: Belongings;
  progress: Progress;
  /** Aborted when the suite ends. */
  signal: AbortSignal;
}

async function runSuite(suite: Suite): Promise<number> {
  const { options } = suite;
  const toolsMajor = await newestToolsMajor();
  const majors = chooseMajors(options, { installed: embeddedMajors(), toolsMajor });
  const tools = await findTools(majors.source);
  const cases = await Promise.all(options.data.map((dataSet) => openCase(options, tools, dataSet)));
  const results: CaseResult[] = [];
  if ('reason' in tools || presentIn(cases).length === 0) {
    for (const one of cases) results.push(tell(suite, one));
  } else {
    const needsPgtrek = presentIn(cases).some((subject) => subject.needsPgtrek);
    const peers = [await describePgcopydb()].filter((peer) => peer !== undefined);
    const stage = await openStage({ ...suite, majors, tools, peers, needsPgtrek });
    for (const one of cases) results.push(await runCase(suite, stage, one));
  }
  return writeReport(options, results);
}

interface Case {
  dataSet: DataSetName;
  standings: Standings;
}

async function openCase(
  options: LoadOptions,
  tools: ClientTools | { reason: string },
  dataSet: DataSetName,
): Promise<Case> {
  const subjects = subjectsOf(options.subjects);
  const absences = new Map<SubjectName, string>();
  for (const subject of subjects) {
    const reason = 'reason' in tools ? tools.reason : await absenceOf(subject, { tools, dataSet });
    if (reason !== undefined) absences.set(subject.name, reason);
  }
  return { dataSet, standings: new Standings(subjects, absences) };
}

async function absenceOf(
  { dataSets, absence }: Subject,
  { tools, dataSet }: { tools: ClientTools; dataSet: DataSetName },
): Promise<string | undefined> {
  if (dataSets !== undefined && !dataSets.includes(dataSet)) return `it is for --data ${dataSets.join(',')}`;
  return absence?.(tools);
}

function presentIn(cases: Case[]): Subject[] {
  return cases.flatMap(({ standings }) => standings.present());
}

async function runCase(suite: Suite, stage: Stage, one: Case): Promise<CaseResult> {
  if (one.standings.present().length === 0) return tell(suite, one);
  const { scale } = suite.options;
  const scene = await openScene(stage, { dataSet: DATA_SETS[one.dataSet], scale, progress: suite.progress });
  printLines([`${caseOf(suite.options, one.dataSet)}`, ...describeScene(scene), '']);
  await runInTurn(suite, scene, one);
  return tell(suite, one, scene);
}

function tell({ options }: Suite, { dataSet, standings }: Case, scene?: Scene): CaseResult {
  const result = {
    name: caseOf(options, dataSet),
    dataSet,
    verdicts: standings.verdicts(),
    ...(scene && { scene }),
  };
  printCase(result);
  return result;
}

/** Run 1 of all, then run 2 of all: a machine that becomes slower does so for all. A subject that fails is left out from then on. */
async function runInTurn(suite: Suite, scene: Scene, { dataSet, standings }: Case): Promise<void> {
  const { options, progress, belongings, signal } = suite;
  const deadlineMs = options.deadline * 60_000;
  for (let round = 1; round <= options.runs; round++) {
    for (const subject of standings.present()) {
      const what = `${dataSet}, run ${round} of ${options.runs}: ${subject.name}`;
      progress.say(`${what} …`);
      try {
        const run = await runOnce({ scene, belongings, subject, round, deadlineMs });
        standings.add(subject.name, run);
        progress.say(`${what}: ${describeRun(run)}`);
      } catch (error) {
        if (signal.aborted) throw error;
        standings.failures.set(subject.name, error instanceof Error ? error.message : String(error));
        progress.say(
          `${what}: failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
        );
      }
    }
  }
}

function describeRun({ seconds, measures, phases }: Run): string {
  const peak = measures['peak-memory'];
  const split = Object.entries(phases).map(([name, value]) => `${name} ${value.toFixed(1)}`);
  return [
    `${seconds.toFixed(1)} s${split.length === 0 ? '' : ` (${split.join(', ')})`}`,
    ...(peak === undefined ? [] : [`at most ${formatBytes(peak)}`]),
  ].join(', ');
}
