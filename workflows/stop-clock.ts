/**
 * The stop clock: an activity that waits for the planned time beside load and monitor, and commits the marker. It runs
 * from the moment that the lane's slot exists, and always shows the plan that stands.
 */
import { CancellationScope, condition, isCancellation, uuid4 } from '@temporalio/workflow';
import { marking, step } from './proxies.js';
import { currentLane, note, runArgument } from './run.js';
import type { MigrationRun } from './run.js';

/** Runs beside the stages for the whole life of the migration; every change of plan is taken up at once. */
export async function keepStopClock(run: MigrationRun): Promise<void> {
  for (;;) {
    try {
      await condition(() => run.slotReady && run.clockError === undefined && isClockWrong(run));
      if (run.clock) await cancelStopClock(run);
      startStopClock(run);
    } catch (error) {
      // The workflow itself was cancelled.
      if (isCancellation(error)) return;
      run.clockError = error;
    }
  }
}

/** No clock waits for the plan that stands, or one waits for another plan. */
function isClockWrong({ state, clock, progress }: MigrationRun): boolean {
  if (!state.stop || progress.committed) return false;
  return clock ? clock.revision !== progress.planRevision : state.stop.kind !== 'never';
}

function startStopClock(run: MigrationRun): void {
  const plan = run.state.stop;
  if (!plan || plan.kind === 'never' || run.progress.committed || !run.slotReady) return;
  const marker = (run.progress.marker ??= {
    marker: `${run.owner}:${String((run.progress.stops += 1))}`,
    nonce: uuid4(),
    plan: { kind: plan.kind, then: plan.then, ...(plan.at === undefined ? {} : { at: plan.at }) },
    lanes: [currentLane(run)],
  });
  const scope = new CancellationScope();
  const summary = plan.kind === 'at' ? `stop at ${plan.at ?? ''}` : 'stop now';
  const ended = scope
    .run(() => marking(summary).commitMarker({ run: runArgument(run), marker }))
    .then(
      (committed) => {
        run.progress.committed = committed;
        const late = committed.late ? `; ${committed.late}` : '';
        note(run, 'marker', `the marker was committed at ${committed.committedAt}${late}`);
      },
      (error: unknown) => {
        if (!isCancellation(error)) run.clockError = error;
      },
    );
  run.clock = { scope, revision: run.progress.planRevision, ended };
}

/**
 * Ends the clock and makes its marker harmless. A marker that was committed at the same moment is either disarmed
 * before it arrives, or has stopped the lanes already: then the change of plan came too late, and the clock, started
 * again with the same marker, only reports it.
 */
export async function cancelStopClock(run: MigrationRun): Promise<void> {
  const { clock } = run;
  if (!clock) return;
  clock.scope.cancel();
  await clock.ended;
  run.clock = undefined;
  const { marker } = run.progress;
  if (!marker || run.progress.committed) return;
  const { fired } = await step('disarm the marker').disarmMarker({ run: runArgument(run), marker });
  if (!fired) {
    delete run.progress.marker;
    return;
  }
  note(run, 'marker', 'the change of plan came too late: the lanes had stopped');
  run.state.stop = { ...marker.plan };
}

/** A clock that failed blocks the stage that needs it; after `retry` it is wound up again. */
export function throwClockError(run: MigrationRun): void {
  const error = run.clockError;
  if (error === undefined) return;
  run.clockError = undefined;
  run.clock = undefined;
  throw error;
}
