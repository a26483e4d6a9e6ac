/** Watching the lanes, round after round, in a history that never grows too long. */
import {
  CancellationScope,
  allHandlersFinished,
  condition,
  continueAsNew,
  workflowInfo,
} from '@temporalio/workflow';
import { knownAlerts, saveSource } from './alerts.js';
import { asError } from './as-error.js';
import { showDetails } from './details.js';
import type { migration } from './migration.js';
import { takeFigures } from './drift.js';
import { endNotifying } from './notify.js';
import { vigil } from './proxies.js';
import { activeLanes, hasAlerts, note, runArgument } from './run.js';
import type { Carried, MigrationRun } from './run.js';

/** 6 events a round: a round of 5 minutes makes 1,700 a day. */
const ROUND_SECONDS = 300;

/** The first one is short, so that the Web UI soon tells the lag. */
const FIRST_ROUND_SECONDS = 5;

/** What the lanes do while they are watched, as the timeline tells it. */
const WATCHED = {
  applying: 'watch the lanes',
  paused: 'paused, the lanes stand: resume?',
  standing: 'the lanes stand at the marker: finish?',
} as const;

/** One monitor activity, left early when something needs attention. */
export async function watchRound(
  run: MigrationRun,
  attention: () => boolean,
  lanes: keyof typeof WATCHED = 'applying',
): Promise<void> {
  if (run.progress.release) await unlessAttention(attention, () => saveSource(run));
  const figures = await unlessAttention(attention, () =>
    vigil(WATCHED[lanes]).monitor({
      run: runArgument(run),
      lanes: activeLanes(run),
      retired: run.progress.retired,
      ...(run.state.drift ? { knownDrift: run.state.drift.digest } : {}),
      ...(hasAlerts(run) ? { knownAlerts: knownAlerts(run) } : {}),
      standing: lanes === 'standing',
      ...(lanes === 'paused' ? { paused: true } : {}),
      seconds: typeof run.state.monitor?.lagMs === 'number' ? ROUND_SECONDS : FIRST_ROUND_SECONDS,
    }),
  );
  if (figures) takeFigures(run, figures);
  showDetails(run);
}

/** The work's result; undefined when something needed attention first, and the work was cancelled. */
export async function unlessAttention<T>(
  attention: () => boolean,
  work: () => Promise<T>,
): Promise<T | undefined> {
  const scope = new CancellationScope();
  let ended = false;
  let result: T | undefined;
  let failure: Error | undefined;
  const worked = scope
    .run(work)
    .then(
      (value) => {
        result = value;
      },
      (error: unknown) => {
        // Temporal never retries what was cancelled: a worker's death then looks like a failure.
        if (!scope.consideredCancelled) failure = asError(error);
      },
    )
    .finally(() => {
      ended = true;
    });
  await condition(() => ended || attention());
  scope.cancel();
  await worked;
  if (failure !== undefined) throw failure;
  return result;
}

/**
 * Before a new run, which would not know of what a handler still does, or the watch beside. One may begin in the very task in
 * which the last has ended.
 */
export async function untilQuiet(run: MigrationRun): Promise<void> {
  const isQuiet = () => allHandlersFinished() && !run.watchesBeside && run.state.verifying === undefined;
  while (!isQuiet()) await condition(isQuiet);
}

/** A clock that is about to strike must not be interrupted for the sake of a shorter history. */
const CLOCK_MARGIN_MS = 10 * 60_000;

export async function continueIfDue(run: MigrationRun): Promise<void> {
  if (!workflowInfo().continueAsNewSuggested || !run.spec) return;
  const at = run.progress.committed ? undefined : run.state.stop?.at;
  if (at !== undefined && Date.parse(at) - Date.now() < CLOCK_MARGIN_MS) return;
  await endNotifying(run);
  await untilQuiet(run);
  note(run, 'continued', 'the history has grown long; a new run goes on');
  const { spec, state, progress, asked } = run;
  const carried: Carried = { spec, state, progress, asked };
  await continueAsNew<typeof migration>(run.input, carried);
}
