/** monitor and stop: round after round until the marker is committed, then until every lane stands at it. */
import { ApplicationFailure, CancellationScope, isCancellation, sleep } from '@temporalio/workflow';
import type { StopReport } from '../contract/state.js';
import { millisecondsOf } from '../contract/values.js';
import { releaseHeldLane } from './apply-errors.js';
import { causeOf } from './as-error.js';
import { isCutoverDue, prepareCutover, refuseForMarker } from './changeover.js';
import { enterCutover, longestPause, lookAtCutover, undoCutover } from './cutover.js';
import { setLane } from './lanes.js';
import { isLoadDue } from './lost-lanes.js';
import { readTables } from './tables.js';
import { pauseLanes, resumeFromMarker } from './pause.js';
import { vigil } from './proxies.js';
import { hasFence, note, plainMarker, runArgument } from './run.js';
import type { MigrationRun } from './run.js';
import { stand } from './stand.js';
import { isChangeDue, meetChange } from './schema-change.js';
import { rewindStopClock, throwClockError } from './stop-clock.js';
import { continueIfDue, unlessAttention, watchRound } from './watch.js';

/** Ends when the marker of the stop that stands is committed, when tables are to be loaded first, or when a cutover can begin. */
export async function monitor(run: MigrationRun): Promise<void> {
  // A run that continues another has their number, and not the tables themselves.
  if (run.tables.length === 0 && run.state.totals.tables > 0) await readTables(run);
  rewindStopClock(run);
  await releaseHeldLane(run);
  await resumeFromMarker(run);
  for (;;) {
    await continueIfDue(run);
    if (run.state.paused || run.progress.pauseMarker) await pauseLanes(run);
    else if (isLoadDue(run)) return;
    else if (run.asked.cutover) await (hasFence(run) ? prepareCutover(run) : lookAtCutover(run));
    else if (isChangeDue(run)) await meetChange(run);
    else await watchRound(run, () => needsAttention(run));
    throwClockError(run);
    if (isCutoverDue(run)) return;
    if (run.progress.committed && !run.state.paused) return;
  }
}

function needsAttention({ state, asked, progress, clockError }: MigrationRun): boolean {
  return (
    progress.committed !== undefined ||
    clockError !== undefined ||
    state.paused !== undefined ||
    asked.adopt === true ||
    asked.cutover !== undefined
  );
}

/** Waits for every lane to stand at the marker; then, when that is the plan, for what comes next. */
export async function stop(run: MigrationRun): Promise<void> {
  if (isLoadDue(run)) return;
  // Asked for in the moment in which the marker was committed.
  if (run.asked.cutover && hasFence(run)) refuseForMarker(run);
  await releaseHeldLane(run);
  while (!run.progress.report) {
    const confirmed = await confirm(run);
    if (!('reason' in confirmed)) run.progress.report = confirmed;
    else if (undoCutover(run, confirmed.reason)) return;
  }
  if (run.state.stop?.then === 'wait' && !run.asked.cutover) await stand(run);
  if (run.asked.cutover && !hasFence(run)) enterCutover(run);
}

/** A reason: the cutover is to be undone. */
async function confirm(run: MigrationRun): Promise<StopReport | { reason: string }> {
  const { marker: planned, committed } = run.progress;
  if (!planned || !committed)
    throw ApplicationFailure.nonRetryable('no marker is committed', 'INTERNAL_ERROR');
  const marker = plainMarker(planned);
  const begun = Date.now();
  const stopped = await inTime(run, () =>
    vigil('wait until the lanes stand at the marker').confirmStopped({
      run: runArgument(run),
      marker,
      lsn: committed.lsn,
    }),
  );
  if ('reason' in stopped) return stopped;
  const { at, lsn } = marker.plan;
  const { committedAt, overshootMs, overshootBytes, late } = committed;
  const report: StopReport = {
    marker: marker.marker,
    ...(at === undefined ? {} : { plannedAt: at }),
    committedAt,
    ...(overshootMs === undefined ? {} : { overshootMs }),
    ...(lsn === undefined ? {} : { plannedLsn: lsn }),
    ...(overshootBytes === undefined ? {} : { overshootBytes }),
    ...(late === undefined ? {} : { late }),
    lanes: stopped.lanes,
    stoppedAfterMs: Date.now() - begun,
  };
  if (run.state.stop) run.state.stop.report = report;
  for (const { lane } of stopped.lanes) setLane(run, lane, 'stopped');
  note(run, 'stopped', `every lane stands at the marker${late ? `; ${late}` : ''}`);
  return report;
}

/** Only a cutover is in a hurry, and takes an error for a reason. */
async function inTime<T>(run: MigrationRun, work: () => Promise<T>): Promise<T | { reason: string }> {
  if (!run.asked.cutover) return work();
  const longest = longestPause(run);
  let passed = false;
  const timer = new CancellationScope();
  void timer
    .run(() => sleep(millisecondsOf(longest) ?? 0, { summary: 'the longest pause of the cutover' }))
    .then(
      () => {
        passed = true;
      },
      () => undefined,
    );
  try {
    const result = await unlessAttention(() => passed, work);
    return result ?? { reason: `the lanes did not stand ${longest} after the marker` };
  } catch (error) {
    if (isCancellation(error)) throw error;
    return { reason: causeOf(error) };
  } finally {
    timer.cancel();
  }
}

/** After a stop: whether the lanes leave the marker, and monitor begins again. */
export function goesOn(run: MigrationRun): boolean {
  if (!run.asked.resume) return false;
  const { progress, state } = run;
  if (!progress.marker) throw ApplicationFailure.nonRetryable('no marker to go on from', 'INTERNAL_ERROR');
  progress.resumeFrom = plainMarker(progress.marker);
  progress.retired.push(progress.marker.marker);
  delete progress.marker;
  delete progress.committed;
  delete progress.report;
  delete progress.sequencesSet;
  run.clock = undefined;
  run.asked.resume = false;
  state.stages = state.stages
    .filter(({ name }) => name !== 'cutover')
    .map((each) =>
      each.name === 'monitor' || each.name === 'stop' ? { name: each.name, status: 'waiting' } : each,
    );
  return true;
}
