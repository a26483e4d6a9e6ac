/** `npm run bench -- load`: the same database moves in several ways, in turn. */
import { writeFile } from 'node:fs/promises';
import { printLines } from '../../cli/output.js';
import { formatBytes } from '../../cli/render/format.js';
import { Belongings } from '../../dev/belongings.js';
import { embeddedMajors } from '../../dev/cluster.js';
import { Interrupted, catchInterrupt } from '../../dev/interrupt.js';
import type { LoadOptions } from '../program.js';
import { createProgress } from '../progress.js';
import type { Progress } from '../progress.js';
import { rowsOf, writtenRows } from '../rows.js';
import { renderTable } from '../table.js';
import { isMeasured } from '../verdict.js';
import type { Run } from '../verdict.js';
import { findTools, newestToolsMajor } from './find-tools.js';
import { runOnce } from './run-once.js';
import { describeScene, openScene, rowsOfScene } from './scene.js';
import type { Scene } from './scene.js';
import { chooseMajors } from './servers.js';
import { BASELINE } from './subject.js';
import { Standings } from './standings.js';
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
  const { options, belongings, progress } = suite;
  const toolsMajor = await newestToolsMajor();
  const majors = chooseMajors(options, { installed: embeddedMajors(), toolsMajor });
  const tools = await findTools(majors.source);
  const standings = new Standings(subjectsOf(options.subjects));
  for (const subject of standings.subjects) {
    const reason = 'reason' in tools ? tools.reason : subject.absence?.();
    if (reason !== undefined) standings.absences.set(subject.name, reason);
  }
  if ('reason' in tools || standings.present().length === 0) return report(suite, standings);
  const scene = await openScene({ majors, tools, scale: options.scale, belongings, progress });
  printLines([...describeScene(scene), '']);
  await runInTurn(suite, scene, standings);
  return report(suite, standings, scene);
}

/** Run 1 of all, then run 2 of all: a machine that becomes slower does so for all. A subject that fails is left out from then on. */
async function runInTurn(suite: Suite, scene: Scene, standings: Standings): Promise<void> {
  const { options, progress, belongings, signal } = suite;
  for (let round = 1; round <= options.runs; round++) {
    for (const subject of standings.present()) {
      const what = `run ${round} of ${options.runs}: ${subject.name}`;
      progress.say(`${what} …`);
      try {
        const run = await runOnce({ scene, belongings, subject, round });
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

function describeRun({ seconds, peakBytes }: Run): string {
  return `${seconds.toFixed(1)} s${peakBytes === undefined ? '' : `, at most ${formatBytes(peakBytes)}`}`;
}

async function report({ options }: Suite, standings: Standings, scene?: Scene): Promise<number> {
  const verdicts = standings.verdicts();
  printLines(renderTable(verdicts, { baseline: BASELINE }));
  if (options.json !== undefined) {
    const of = { suite: 'load', case: caseOf(options) };
    const context = scene ? rowsOfScene(scene).map((row) => ({ ...of, ...row })) : [];
    await writeFile(
      options.json,
      writtenRows([...context, ...rowsOf({ ...of, baseline: BASELINE, verdicts })]),
    );
  }
  return verdicts.some(isMeasured) && standings.failures.size === 0 ? 0 : 1;
}

/** Figures of different sizes must never be taken for one case. */
function caseOf({ scale }: LoadOptions): string {
  return scale === 1 ? 'mixed' : `mixed at scale ${scale}`;
}
