/** load: all rows, lane after lane; indexes as soon as a table's rows are in; then keys and the rest. */
import { ActivityFailure, ApplicationFailure, isCancellation, sleep } from '@temporalio/workflow';
import type { IndexTask } from '../contract/activities.js';
import { completeTarget, indexCrew } from './complete-target.js';
import { copyLane } from './copy-lane.js';
import type { Crew } from './crew.js';
import { hasStream, isLaneDue, isPublished, isStreaming, leaveLane, publish, setLane } from './lanes.js';
import { step } from './proxies.js';
import { currentLane, note, runArgument } from './run.js';
import type { MigrationRun } from './run.js';
import { leaveIfAsked } from './stage.js';
import { readTables } from './tables.js';

export async function load(run: MigrationRun): Promise<void> {
  if (!run.progress.copied) await copyAll(run);
  if (isStreaming(run)) await step('compare the partitions').checkPartitions({ run: runArgument(run) });
  await completeTarget(run);
  // A lane that streams reads them again when it is subscribed.
  if (!isStreaming(run)) await readTables(run);
}

/** So many lanes in a row that kept nothing are no accident any more: a person should look. */
const LOSSES = 5;

/** Lane after lane until all rows are in: what a lane has not copied when its snapshot is lost goes to the next. */
async function copyAll(run: MigrationRun): Promise<void> {
  let crew = indexCrew(run);
  try {
    for (let losses = 0; ;) {
      const end = await copyNext(run, crew);
      if (end === 'whole') {
        if (!isLaneDue(run)) break;
        losses = 0;
        continue;
      }
      losses = end.kept ? 1 : losses + 1;
      if (losses === LOSSES) throw tooManyLosses(end.reason);
      if (!isStreaming(run)) crew = indexCrew(run);
      await sleep(losses * 2_000, { summary: 'before the next lane' });
    }
    run.progress.copied = true;
    await crew.finish();
  } finally {
    await crew.cancel();
  }
}

interface Loss {
  reason: string;
  /** The lane goes on with the tables that it has copied. */
  kept: boolean;
}

/** One lane, which brings all its tables, or tells why it could not. */
async function copyNext(run: MigrationRun, crew: Crew<IndexTask>): Promise<'whole' | Loss> {
  // What blocked it is mended.
  if (run.progress.leaving)
    return { reason: `${run.progress.leaving} was given up.`, kept: await leave(run, crew) };
  if (!isPublished(run)) await publish(run);
  const lane = currentLane(run);
  let error: unknown;
  try {
    const rewritten = await copyLane(run, lane, crew);
    if (rewritten.length === 0) {
      setLane(run, lane, 'copied');
      delete run.progress.lane;
      return 'whole';
    }
    error = ApplicationFailure.nonRetryable(rewritten.join(' '), 'HEAP_REWRITTEN');
  } catch (thrown) {
    leaveIfAsked(run);
    if (isCancellation(thrown)) throw thrown;
    error = thrown;
  }
  const reason = lossOf(error);
  const kept = await leave(run, crew);
  // Anything else blocks the stage; a lane that has copied nothing holds back no WAL meanwhile.
  if (reason === undefined) throw error;
  note(
    run,
    kept ? 'lane-reduced' : 'lane-given-up',
    kept
      ? `${lane} keeps the tables that it has copied: ${reason} The others go to a new lane.`
      : `${lane} was given up: ${reason} The load starts again in a new lane.`,
  );
  return { reason, kept };
}

/** True when the lane keeps tables. */
async function leave(run: MigrationRun, crew: Crew<IndexTask>): Promise<boolean> {
  const lane = currentLane(run);
  // Without a stream every table is copied again: none of them may be worked on meanwhile.
  if (!hasStream(run, lane)) await crew.cancel();
  const left = new Set(await leaveLane(run, lane));
  crew.take(({ tables }) => tables.some((id) => left.has(id)));
  return run.state.lanes.some(({ name, status }) => name === lane && status === 'copied');
}

function tooManyLosses(reason: string): ApplicationFailure {
  return ApplicationFailure.create({
    type: 'SNAPSHOT_LOST',
    message: `${String(LOSSES)} lanes in a row lost their snapshot; the last one because ${reason}`,
    nonRetryable: true,
    details: [{ remedy: 'Look at the workers, the network and the source, then retry.' }],
  });
}

/** The keepers' death, a rewritten heap: nobody's fault, and mended by a new snapshot. */
function lossOf(error: unknown): string | undefined {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  const ofKeeper = error instanceof ActivityFailure && error.activityType === 'keepSnapshot';
  if (!(cause instanceof ApplicationFailure))
    return ofKeeper ? 'its snapshot is lost (no word from its worker).' : undefined;
  if (cause.type === 'SNAPSHOT_LOST' || cause.type === 'HEAP_REWRITTEN') return cause.message;
  // A keeper has one attempt, so what any other activity would try again is a loss: a worker that shuts down.
  return ofKeeper && !cause.nonRetryable ? `its snapshot is lost (${cause.message}).` : undefined;
}
