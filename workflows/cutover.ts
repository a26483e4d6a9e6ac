/**
 * cutover, as specs of older versions mean it: the lanes stop at a marker, the sequences are set, and what was done is reported.
 * Nobody is kept from writing. See changeover.ts for the one with a fence.
 */
import { condition } from '@temporalio/workflow';
import type { CutoverReport } from '../contract/state.js';
import { step } from './proxies.js';
import { activeLanes, note, planStop, runArgument } from './run.js';
import type { MigrationRun } from './run.js';
import { settle } from './standing.js';
import { stand } from './stand.js';

const DRIFTED =
  'the schema of the source is no longer the one that was dumped: the target may lack what has changed';

/** In monitor: a look whether it can begin, and then a stop now. */
export async function lookAtCutover(run: MigrationRun): Promise<void> {
  const dryRun = run.asked.cutover?.dryRun === true;
  const found = await step('look whether a cutover can begin').checkCutover({
    run: runArgument(run),
    lanes: activeLanes(run),
  });
  const reasons = [...found.reasons, ...(run.state.drift ? [DRIFTED] : [])];
  if (dryRun || reasons.length > 0) {
    delete run.asked.cutover;
    report(run, { outcome: reasons.length > 0 ? 'refused' : 'ready', reasons });
    // A former try had planned its stop already, and failed then.
    if (!dryRun && !run.progress.committed) planAsBefore(run);
    return;
  }
  // The marker of a planned stop may have been committed meanwhile: it serves as well.
  if (!run.progress.committed) {
    run.progress.planBefore ??= run.state.stop ?? { kind: 'never', then: 'wait' };
    planStop(run, { kind: 'now', then: 'wait' });
  }
  await condition(() => run.progress.committed !== undefined || run.clockError !== undefined);
}

/** The lanes stand: the stage shows from here on. */
export function enterCutover(run: MigrationRun): void {
  const { stages } = run.state;
  if (!stages.some(({ name }) => name === 'cutover')) stages.push({ name: 'cutover', status: 'waiting' });
}

/** A run that continues another finds it done, and stands on. */
export async function cutover(run: MigrationRun): Promise<void> {
  await settle(run);
  if (run.asked.cutover) {
    delete run.asked.cutover;
    delete run.progress.planBefore;
    const { report: stop, sequencesSet } = run.progress;
    report(run, {
      outcome: 'done',
      reasons: [],
      ...(sequencesSet === undefined ? {} : { sequencesSet }),
      ...(stop ? { stop } : {}),
    });
  }
  await stand(run);
}

/** A cutover begins when the lanes are less than that behind; longer than this, something is wrong. */
const LONGEST_PAUSE = '5s';

export function longestPause({ asked }: MigrationRun): string {
  return asked.cutover?.maxPause ?? LONGEST_PAUSE;
}

/**
 * The lanes did not stand in time. They go on, and the stop that was planned before is planned again: true. Where its
 * own marker served for the cutover it stays as it is, and is waited for: false.
 */
export function undoCutover(run: MigrationRun, reason: string): boolean {
  delete run.asked.cutover;
  report(run, { outcome: 'undone', reasons: [reason] });
  return planAsBefore(run);
}

function planAsBefore(run: MigrationRun): boolean {
  const { planBefore } = run.progress;
  if (!planBefore) return false;
  delete run.progress.planBefore;
  if (run.progress.committed) run.asked.resume = true;
  planStop(run, planBefore);
  return true;
}

function report(run: MigrationRun, result: Omit<CutoverReport, 'at'>): void {
  run.state.cutover = { ...result, at: new Date().toISOString() };
  const reasons = result.reasons.length > 0 ? `: ${result.reasons.join('; ')}` : '';
  note(run, 'cutover', `${SAID[result.outcome]}${reasons}`);
}

const SAID = {
  ready: 'a cutover could begin now',
  refused: 'no cutover was begun',
  undone: 'the cutover was undone, and the lanes go on',
  done: 'every lane stands and the sequences are set: the target can be used',
} as const;
