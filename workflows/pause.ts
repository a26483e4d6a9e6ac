/** A pause while changes flow: the lanes stand at a marker of their own, and leave it again. */
import type { MarkerPlan, Stopped } from '../contract/activities.js';
import { setLanes } from './lanes.js';
import { marking, step, vigil } from './proxies.js';
import { newMarker, note, runArgument } from './run.js';
import type { MigrationRun } from './run.js';
import { throwClockError } from './stop-clock.js';
import { continueIfDue, unlessAttention, watchRound } from './watch.js';

/** Ends with the pause. A stop that was planned stays planned; its marker may be committed meanwhile. */
export async function pauseLanes(run: MigrationRun): Promise<void> {
  const marker = (run.progress.pauseMarker ??= newMarker(run, { kind: 'now', then: 'wait' }));
  // A pause that blocked and was taken back meanwhile has its marker still to be left.
  if (run.state.paused) await standPaused(run, marker);
  run.progress.resumeFrom = marker;
  delete run.progress.pauseMarker;
  await resumeFromMarker(run);
}

/** Throws when the stop clock fails: the lanes stand on while that blocks. */
async function standPaused(run: MigrationRun, marker: MarkerPlan): Promise<void> {
  const isOver = () => run.state.paused === undefined || run.clockError !== undefined;
  const stopped = await unlessAttention(isOver, () => standAt(run, marker));
  if (stopped?.marker !== undefined && stopped.marker !== marker.marker) {
    delete run.state.paused;
    note(run, 'resumed', 'the pause is over: the marker of the stop came first, and the lanes stand there');
  } else if (stopped) {
    setLanes(run, 'stopped');
    const where = stopped.atChange ? 'stands right at a change of the schema' : 'stands';
    note(run, 'paused', `every lane ${where}; the source keeps the WAL that is not brought over yet`);
    while (!isOver()) {
      await continueIfDue(run);
      await watchRound(run, isOver, 'paused');
    }
  }
  if (run.state.paused) throwClockError(run);
}

async function standAt(run: MigrationRun, marker: MarkerPlan): Promise<Stopped> {
  const { lsn } = await marking('pause the lanes').commitMarker({ run: runArgument(run), marker });
  return vigil('wait until the lanes stand').confirmStopped({
    run: runArgument(run),
    marker,
    lsn,
    retired: run.progress.retired,
    standAtChange: true,
  });
}

/** After a pause, a stop that somebody resumed, or a cutover that was undone; whatever interrupts it, it is done again. */
export async function resumeFromMarker(run: MigrationRun): Promise<void> {
  const { resumeFrom } = run.progress;
  if (!resumeFrom) return;
  const { applying } = await step('let the lanes go on').resumeLanes({
    run: runArgument(run),
    marker: resumeFrom,
  });
  delete run.progress.resumeFrom;
  if (!run.progress.retired.includes(resumeFrom.marker)) run.progress.retired.push(resumeFrom.marker);
  if (!applying) return;
  setLanes(run, 'applying');
  note(run, 'resumed', 'the lanes go on');
}
