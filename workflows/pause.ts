/** A pause while changes flow: the lanes stand at a marker of their own, and leave it again. */
import type { MarkerPlan, Stopped } from '../contract/activities.js';
import { setLane } from './load.js';
import { marking, step, vigil } from './proxies.js';
import { currentLane, newMarker, note, runArgument } from './run.js';
import type { MigrationRun } from './run.js';
import { throwClockError } from './stop-clock.js';
import { continueIfDue, unlessAttention, watchRound } from './watch.js';

/** Ends with the pause. A stop that was planned stays planned; its marker may be committed meanwhile. */
export async function pauseLanes(run: MigrationRun): Promise<void> {
  const marker = (run.progress.pauseMarker ??= newMarker(run, { kind: 'now', then: 'wait' }));
  const isOver = () => run.state.paused === undefined || run.clockError !== undefined;
  const stopped = await unlessAttention(isOver, () => standAt(run, marker));
  if (stopped?.marker !== undefined && stopped.marker !== marker.marker) {
    delete run.state.paused;
    note(run, 'resumed', 'the pause is over: the marker of the stop came first, and the lanes stand there');
  } else if (stopped) {
    setLane(run, currentLane(run), 'stopped');
    note(run, 'paused', 'every lane stands; the source keeps the WAL that is not brought over yet');
    while (!isOver()) {
      await continueIfDue(run);
      await watchRound(run, isOver, 'paused');
    }
  }
  throwClockError(run);
  await leave(run, marker);
  delete run.progress.pauseMarker;
}

async function standAt(run: MigrationRun, marker: MarkerPlan): Promise<Stopped> {
  const { lsn } = await marking('pause the lanes').commitMarker({ run: runArgument(run), marker });
  return vigil('wait until the lanes stand').confirmStopped({
    run: runArgument(run),
    marker,
    lsn,
    retired: run.progress.retired,
  });
}

/** After a stop that somebody resumed, or a cutover that was undone. */
export async function resumeFromMarker(run: MigrationRun): Promise<void> {
  const { resumeFrom } = run.progress;
  if (!resumeFrom) return;
  await leave(run, resumeFrom);
  delete run.progress.resumeFrom;
}

async function leave(run: MigrationRun, marker: MarkerPlan): Promise<void> {
  await step('let the lanes go on').resumeLanes({ run: runArgument(run), marker });
  if (!run.progress.retired.includes(marker.marker)) run.progress.retired.push(marker.marker);
  setLane(run, currentLane(run), 'applying');
  note(run, 'resumed', 'the lanes go on');
}
