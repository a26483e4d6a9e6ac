/**
 * The stop clock: an activity that waits for the planned time beside load and monitor, and commits the marker. It runs
 * from the moment that the lane's slot exists, and always shows the plan that stands.
 */
import { CancellationScope, condition, isCancellation, sleep } from '@temporalio/workflow';
import { asError, causeOf } from './as-error.js';
import { marking, step } from './proxies.js';
import { newMarker, note, plainMarker, runArgument } from './run.js';
import type { MigrationRun, Progress } from './run.js';

/** Runs beside the stages for the whole life of the migration; every change of plan is taken up at once. */
export async function keepStopClock(run: MigrationRun): Promise<void> {
  for (;;) {
    try {
      await condition(() => run.slotReady && (isClockStuck(run) || isClockWrong(run)));
      if (isClockStuck(run)) {
        await sleep(REWIND_AFTER, { summary: 'before the stop clock is tried again' });
        rewindStopClock(run);
        continue;
      }
      if (isMarkerOutdated(run)) await retireMarker(run);
      startStopClock(run);
    } catch (error) {
      // The workflow itself was cancelled.
      if (isCancellation(error)) return;
      run.clockError = asError(error);
    }
  }
}

/** Long enough for no harm, short before most planned times. */
const REWIND_AFTER = '1 minute';

/** It failed where nobody waits for it, so nobody is blocked by it, and told how to mend it. */
function isClockStuck({ clockError, state }: MigrationRun): boolean {
  return clockError !== undefined && state.stage !== 'monitor';
}

/** No clock runs for the plan that stands, or a marker of another plan may still be committed. */
function isClockWrong(run: MigrationRun): boolean {
  const { stop } = run.state;
  if (!stop || run.progress.committed || run.clockError) return false;
  return isMarkerOutdated(run) || (stop.kind !== 'never' && !run.clock);
}

/** Judged by what is carried from run to run: the clock itself is not. */
function isMarkerOutdated({ progress }: MigrationRun): boolean {
  return progress.marker !== undefined && progress.marker.revision !== progress.planRevision;
}

function startStopClock(run: MigrationRun): void {
  const plan = run.state.stop;
  if (!plan || plan.kind === 'never' || run.clock || run.progress.committed || !run.slotReady) return;
  const planned = (run.progress.marker ??= {
    ...newMarker(run, plan),
    revision: run.progress.planRevision,
  });
  // Another message came between the decision and this start; the loop looks again.
  if (isMarkerOutdated(run)) return;
  const marker = plainMarker(planned);
  const scope = new CancellationScope();
  const summary = plan.kind === 'now' ? 'stop now' : `stop at ${plan.at ?? plan.lsn ?? ''}`;
  const ended = scope
    .run(() => marking(summary).commitMarker({ run: runArgument(run), marker }))
    .then(
      (committed) => {
        // A clock that was ended may have committed all the same; its marker is disarmed by then.
        if (run.progress.marker?.marker !== marker.marker) return;
        run.progress.committed = committed;
        const late = committed.late ? `; ${committed.late}` : '';
        note(run, 'marker', `the marker was committed at ${committed.committedAt}${late}`);
      },
      (error: unknown) => {
        // Temporal never retries what was cancelled: a worker's death then looks like a failure.
        if (scope.consideredCancelled) return;
        run.clockError = asError(error);
        note(run, 'stop-clock', `the stop clock failed: ${causeOf(error)}`);
      },
    );
  run.clock = { scope, ended };
}

/** Ends the clock's activity: afterwards its marker is known as committed, or nobody commits it any more. */
export async function endStopClock(run: MigrationRun): Promise<void> {
  const { clock } = run;
  if (!clock) return;
  clock.scope.cancel();
  await clock.ended;
  if (run.clock === clock) run.clock = undefined;
}

/**
 * Makes the marker of an old plan harmless. One that was committed at the same moment is either disarmed before it
 * arrives, or has stopped the lanes already: then the change of plan came too late, and the marker counts.
 */
async function retireMarker(run: MigrationRun): Promise<void> {
  await endStopClock(run);
  const { marker } = run.progress;
  if (!marker) return;
  if (run.progress.committed) return keepPlanOf(run, marker, 'its marker was committed');
  const { fired } = await step('disarm the marker').disarmMarker({
    run: runArgument(run),
    marker: plainMarker(marker),
  });
  if (fired) return keepPlanOf(run, marker, 'the lanes had stopped');
  run.progress.retired.push(marker.marker);
  delete run.progress.marker;
}

/** The old plan happens: what it was to lead to counts, not what the new one was. */
function keepPlanOf(run: MigrationRun, marker: NonNullable<Progress['marker']>, why: string): void {
  note(run, 'marker', `the change of plan came too late: ${why}`);
  keepPlan(run, marker);
}

/** Whatever was planned since the marker was made. */
export function keepPlan({ state, progress }: MigrationRun, marker: NonNullable<Progress['marker']>): void {
  state.stop = { ...marker.plan };
  marker.revision = progress.planRevision;
  delete progress.planBefore;
}

/** A clock that failed blocks the stage that needs it; after `retry` it is wound up again. */
export function throwClockError({ clockError }: MigrationRun): void {
  if (clockError !== undefined) throw clockError;
}

export function rewindStopClock(run: MigrationRun): void {
  if (run.clockError === undefined) return;
  run.clockError = undefined;
  run.clock = undefined;
}
