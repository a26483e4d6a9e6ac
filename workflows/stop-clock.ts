/** The stop clock: an activity that waits for the planned time beside load and monitor, and commits the marker. */
import { CancellationScope, isCancellation, uuid4 } from '@temporalio/workflow';
import { marking, step } from './proxies.js';
import { currentLane, note, runArgument } from './run.js';
import type { MigrationRun } from './run.js';

/** Starts the clock for the plan that stands, unless it runs already, or there is nothing to wait for. */
export function tendStopClock(run: MigrationRun): void {
  const plan = run.state.stop;
  if (!plan || plan.kind === 'never' || run.clock || run.progress.committed) return;
  const marker = (run.progress.marker ??= {
    marker: `${run.owner}:${String((run.progress.stops += 1))}`,
    nonce: uuid4(),
    plan: { kind: plan.kind, then: plan.then, ...(plan.at === undefined ? {} : { at: plan.at }) },
    lanes: [currentLane(run)],
  });
  const scope = new CancellationScope();
  const summary = plan.kind === 'at' ? `stop at ${plan.at ?? ''}` : 'stop now';
  const clock: NonNullable<MigrationRun['clock']> = {
    scope,
    revision: run.progress.planRevision,
    ended: scope
      .run(() => marking(summary).commitMarker({ run: runArgument(run), marker }))
      .then(
        (committed) => {
          run.progress.committed = committed;
          note(run, 'marker', `the marker was committed at ${committed.committedAt}${committed.late ? `; ${committed.late}` : ''}`);
        },
        (error: unknown) => {
          if (!isCancellation(error)) clock.error = error;
        },
      ),
  };
  run.clock = clock;
}

/** True when the clock waits for another plan than the one that stands. */
export function isClockOutdated(run: MigrationRun): boolean {
  return run.clock !== undefined && run.clock.revision !== run.progress.planRevision && !run.progress.committed;
}

/**
 * Ends the clock and makes its marker harmless. A marker that was committed at the same moment is either disarmed
 * before it arrives, or has stopped the lanes already: then the change of plan came too late, and it counts.
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
  if (fired) note(run, 'marker', 'the change of plan came too late: the lanes had stopped');
  else delete run.progress.marker;
}
