/** `npm run bench -- load`: the same databases move in several ways, in turn. */
import { printLines } from '../../cli/output.js';
import type { ClientTools } from '../../postgres/client-tools.js';
import { holdSuite } from '../hold-suite.js';
import type { Suite } from '../hold-suite.js';
import type { LoadOptions } from '../program.js';
import { Standings } from '../standings.js';
import { takeTurns } from '../take-turns.js';
import type { DataSetName } from './data-set.js';
import { DATA_SETS } from './data-sets.js';
import { chooseServers } from './find-tools.js';
import { describePgcopydb } from './pgcopydb.js';
import { caseOf, printCase, writeReport } from './report.js';
import type { CaseResult } from './report.js';
import { runOnce } from './run-once.js';
import { describeScene, openScene } from './scene.js';
import type { Scene } from './scene.js';
import { openStage } from './stage.js';
import type { Stage } from './stage.js';
import type { Subject, SubjectName } from './subject.js';
import { subjectsOf } from './subjects.js';

/** Returns the exit code: 0 when every subject that can run here was measured. */
export function runLoadSuite(options: LoadOptions): Promise<number> {
  return holdSuite((suite) => runSuite({ ...suite, options }));
}

interface LoadSuite extends Suite {
  options: LoadOptions;
}

async function runSuite(suite: LoadSuite): Promise<number> {
  const { options } = suite;
  const { majors, tools } = await chooseServers(options);
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
  standings: Standings<Subject>;
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

async function runCase(suite: LoadSuite, stage: Stage, one: Case): Promise<CaseResult> {
  if (one.standings.present().length === 0) return tell(suite, one);
  const { scale } = suite.options;
  const scene = await openScene(stage, { dataSet: DATA_SETS[one.dataSet], scale, progress: suite.progress });
  printLines([`${caseOf(suite.options, one.dataSet)}`, ...describeScene(scene), '']);
  const deadlineMs = suite.options.deadline * 60_000;
  await takeTurns(suite, {
    standings: one.standings,
    runs: suite.options.runs,
    label: one.dataSet,
    run: (subject, round) => runOnce({ scene, belongings: suite.belongings, subject, round, deadlineMs }),
  });
  return tell(suite, one, scene);
}

function tell({ options }: LoadSuite, { dataSet, standings }: Case, scene?: Scene): CaseResult {
  const result = {
    name: caseOf(options, dataSet),
    dataSet,
    verdicts: standings.verdicts(),
    ...(scene && { scene }),
  };
  printCase(result);
  return result;
}
