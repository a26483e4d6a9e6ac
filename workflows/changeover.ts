/** cutover and rollback: writers are fenced off, the lanes stop, and the other end becomes the primary; or all is undone. */
import { condition, isCancellation } from '@temporalio/workflow';
import type { CutOver, Run } from '../contract/activities.js';
import type { CutoverReport } from '../contract/cutover.js';
import type { LaneName } from '../contract/names.js';
import type { StageName } from '../contract/state.js';
import { releaseHeldLane } from './apply-errors.js';
import { causeOf } from './as-error.js';
import { addForeignKeys } from './complete-target.js';
import { showDetails } from './details.js';
import { setLane } from './lanes.js';
import { pauseLanes, resumeFromMarker } from './pause.js';
import { marking, preparation, step } from './proxies.js';
import {
  activeLanes,
  directionOf,
  isTurned,
  newMarker,
  nextLane,
  note,
  otherWay,
  planStop,
  runArgument,
  specOf,
  turnsOf,
} from './run.js';
import type { Changeover, Compared, MigrationRun } from './run.js';
import { goOn } from './stage.js';
import { keepPlan } from './stop-clock.js';
import { readTables } from './tables.js';
import { compareFirst, isToBeCompared } from './verify.js';
import { continueIfDue, watchRound } from './watch.js';

/** In monitor, and in protect: looks whether it can begin. A dry run ends here. */
export async function prepareCutover(run: MigrationRun): Promise<void> {
  const { asked } = run;
  const dryRun = asked.cutover?.dryRun === true;
  if (!dryRun && isToBeCompared(run)) return compareFirst(run);
  const found = await step('look whether a cutover can begin').checkCutover({
    run: runArgument(run),
    lanes: activeLanes(run),
  });
  const reasons = [...found.reasons, ...whyNot(run)];
  if (dryRun || reasons.length > 0) {
    const { warnings } = found;
    report(run, {
      outcome: reasons.length > 0 ? 'refused' : 'ready',
      reasons,
      ...(warnings ? { warnings } : {}),
    });
    return;
  }
  if (run.progress.committed) return refuseForMarker(run);
  run.progress.planBefore ??= run.state.stop ?? { kind: 'never', then: 'wait' };
  planStop(run, { kind: 'never', then: run.progress.planBefore.then });
  await condition(() => isPlanGone(run) || run.clockError !== undefined);
  if (run.clockError !== undefined) return;
  if (run.progress.planBefore === undefined || run.progress.committed) return refuseForMarker(run);
  run.progress.changeover = { marker: newMarker(run, { kind: 'now', then: 'wait' }), reverse: [] };
}

const DRIFTED =
  'the schema of the primary is no longer the one that the lanes carry: the other end may lack what has changed';
const NOT_EQUAL: Record<Compared, string[]> = {
  equal: [],
  different: ['rows of both databases differ: pgtrek verify tells which'],
  failed: ['both databases could not be compared: the events tell why'],
};

function whyNot({ state, asked }: MigrationRun): string[] {
  return [...(state.drift ? [DRIFTED] : []), ...NOT_EQUAL[asked.compared ?? 'equal']];
}

/** Its marker is retired; or it came first, whether the stop clock has put the plan back by then or not. */
function isPlanGone({ progress }: MigrationRun): boolean {
  return (
    progress.marker === undefined || progress.planBefore === undefined || progress.committed !== undefined
  );
}

/** The marker of a stop came before the cutover could begin: the lanes stop there, and nobody was fenced off. */
export function refuseForMarker(run: MigrationRun): void {
  const { marker } = run.progress;
  if (marker) keepPlan(run, marker);
  report(run, { outcome: 'refused', reasons: ['the marker of the stop that was planned came first'] });
}

/** Nothing was found against it. */
export function isCutoverDue({ progress }: MigrationRun): boolean {
  return progress.changeover !== undefined;
}

/** The stage shows from here on. */
export function enterCutover(run: MigrationRun): 'cutover' | 'rollback' {
  const name = nameOf(run);
  run.state.stages = [
    ...run.state.stages.filter((each) => each.name !== 'stop'),
    { name, status: 'waiting' },
  ];
  return name;
}

/** Ends when it is done or undone; without a way back, when somebody finishes. What was decided is completed whatever fails. */
export async function cutOver(run: MigrationRun): Promise<void> {
  const { changeover } = run.progress;
  if (changeover && !changeover.done) {
    const result = (await openWayBack(run, changeover)) ?? (await fenceAndSwitch(run, changeover));
    if (result.outcome === 'undone') return undo(run, changeover, result);
    takeDone(run, changeover, result);
  }
  if (changeover?.done) await complete(run, changeover);
  if (!isTurned(run)) await untilFinish(run);
}

function fenceAndSwitch(run: MigrationRun, { marker, reverse }: Changeover): Promise<CutOver> {
  const { maxPause } = specOf(run).cutover;
  return marking(`${nameOf(run)}: fence, stop, switch`).cutOver({
    run: runArgument(run),
    marker,
    maxPause: run.asked.cutover?.maxPause ?? maxPause,
    retired: run.progress.retired,
    reverse: reverse.map(({ lane }) => lane),
    ...(directionOf(run) === 'back' ? { direction: 'back' } : {}),
  });
}

/** Publications and slots the other way: what is written from the switch on must not be missed. Undone, where they cannot be made. */
async function openWayBack(run: MigrationRun, changeover: Changeover): Promise<CutOver | undefined> {
  const { reverse } = changeover;
  if (!specOf(run).cutover.reverse || changeover.isReady) return undefined;
  const argument = otherWay(runArgument(run));
  try {
    await preparation('enter the tables for the way back').enterTables({ run: argument });
    let waiting: number;
    do {
      const opened = { lane: nextLane(run), tables: 0 };
      const { lane } = opened;
      reverse.push(opened);
      const published = await preparation(`publish ${lane}, the way back`).publishLane({
        run: argument,
        lane,
      });
      opened.tables = published.tables;
      await preparation(`make the slot of ${lane}`).makeSlot({ run: argument, lane });
      waiting = published.waiting ?? 0;
    } while (waiting > 0);
    changeover.isReady = true;
    return undefined;
  } catch (error) {
    if (isCancellation(error)) throw error;
    return { outcome: 'undone', reasons: [`the way back cannot be made: ${causeOf(error)}`] };
  }
}

async function undo(
  run: MigrationRun,
  { marker, reverse }: Changeover,
  { reasons, fence }: Extract<CutOver, { outcome: 'undone' }>,
): Promise<void> {
  const lanes = reverse.map(({ lane }) => lane);
  if (lanes.length > 0) await closeLanes(run, { run: otherWay(runArgument(run)), lanes });
  run.progress.retired.push(marker.marker);
  report(run, { outcome: 'undone', reasons, ...(fence ? { fence } : {}) });
  delete run.progress.changeover;
  const { planBefore } = run.progress;
  delete run.progress.planBefore;
  if (planBefore) planStop(run, planBefore);
  beginFollowing(run);
}

/** From here on it is never undone. Whoever waits for it need not wait for what is left. */
function takeDone(
  run: MigrationRun,
  changeover: Changeover,
  done: Extract<CutOver, { outcome: 'done' }>,
): void {
  changeover.done = done;
  run.progress.sequencesSet = done.sequences;
  run.progress.retired.push(changeover.marker.marker);
  delete run.progress.planBefore;
  report(run, {
    outcome: 'done',
    reasons: [],
    sequencesSet: done.sequences,
    fence: done.fence,
    ...(changeover.reverse.length > 0 ? { wayBack: true } : {}),
  });
}

async function complete(run: MigrationRun, { reverse }: Changeover): Promise<void> {
  if ((run.progress.keysLeft ?? 0) > 0) await addForeignKeys(run, true);
  await closeLanes(run, { run: runArgument(run), lanes: activeLanes(run) });
  if (reverse.length > 0) await turnRound(run, reverse);
  delete run.progress.changeover;
}

async function closeLanes(run: MigrationRun, input: { run: Run; lanes: LaneName[] }): Promise<void> {
  const { leftovers, notes } = await step('remove lanes that are not needed any more').closeLanes(input);
  for (const lane of input.lanes) setLane(run, lane, 'dropped');
  for (const text of notes) note(run, 'lane-closed', text);
  // finish and abort remove it; until then a slot may hold WAL back.
  for (const text of leftovers) note(run, 'lane-left', `could not be removed yet: ${text}`);
}

/** The new primary is followed by the old one. */
async function turnRound(run: MigrationRun, reverse: Changeover['reverse']): Promise<void> {
  const argument = otherWay(runArgument(run));
  for (const { lane } of reverse) await step(`subscribe ${lane}`).subscribe({ run: argument, lane });
  run.state.lanes.push(
    ...reverse.map(({ lane, tables }) => ({ name: lane, status: 'applying' as const, tables })),
  );
  run.progress.turns = turnsOf(run) + 1;
  run.state.direction = directionOf(run);
  delete run.state.drift;
  delete run.progress.metDrift;
  delete run.state.monitor;
  // They move on with the primary.
  delete run.progress.sequencesSet;
  note(run, 'turned', `changes flow ${run.state.direction} now`);
  beginFollowing(run);
}

const BEFORE_PROTECT: ReadonlySet<StageName> = new Set(['stop', 'protect', 'rollback']);
const BEFORE_MONITOR: ReadonlySet<StageName> = new Set([...BEFORE_PROTECT, 'monitor', 'cutover']);

/** What comes next is to be done again: monitor on the way forward, protect on the way back. */
function beginFollowing(run: MigrationRun): void {
  const back = directionOf(run) === 'back';
  const over = back ? BEFORE_PROTECT : BEFORE_MONITOR;
  const next: StageName[] = back ? ['protect'] : ['monitor', 'stop'];
  run.state.stages = [
    ...run.state.stages.filter(({ name }) => !over.has(name)),
    ...next.map((name) => ({ name, status: 'waiting' as const })),
  ];
}

/** Nothing flows any more. */
async function untilFinish(run: MigrationRun): Promise<void> {
  run.state.status = 'stopped';
  showDetails(run);
  await condition(() => run.asked.finish);
  goOn(run);
}

/** The new primary is followed by the old one, until somebody finishes, or a rollback can begin. */
export async function protect(run: MigrationRun): Promise<void> {
  const { asked, progress, state } = run;
  if (run.tables.length === 0) await readTables(run);
  await releaseHeldLane(run);
  await resumeFromMarker(run);
  while (!asked.finish && !isCutoverDue(run)) {
    await continueIfDue(run);
    if (state.paused || progress.pauseMarker) await pauseLanes(run);
    else if (asked.cutover) await prepareCutover(run);
    else
      await watchRound(run, () => asked.finish || state.paused !== undefined || asked.cutover !== undefined);
  }
}

function nameOf(run: MigrationRun): 'cutover' | 'rollback' {
  return directionOf(run) === 'back' ? 'rollback' : 'cutover';
}

function report(run: MigrationRun, result: Omit<CutoverReport, 'at' | 'direction'>): void {
  const name = nameOf(run);
  delete run.asked.cutover;
  delete run.asked.compared;
  run.state.cutover = {
    ...result,
    at: new Date().toISOString(),
    ...(name === 'rollback' ? { direction: 'back' as const } : {}),
  };
  const reasons = result.reasons.length > 0 ? `: ${result.reasons.join('; ')}` : '';
  note(run, name, `${SAID[result.outcome](name)}${reasons}`);
  showDetails(run);
}

const SAID: Record<CutoverReport['outcome'], (name: string) => string> = {
  ready: (name) => `a ${name} could begin now`,
  refused: (name) => `no ${name} was begun`,
  undone: (name) => `the ${name} was undone, and the lanes go on`,
  done: (name) => (name === 'cutover' ? 'the target is the primary' : 'the source is the primary again'),
};
