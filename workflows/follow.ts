/** monitor and stop: round after round until the marker is committed, then until every lane stands at it. */
import {
  ApplicationFailure,
  CancellationScope,
  allHandlersFinished,
  condition,
  continueAsNew,
  isCancellation,
  workflowInfo,
} from '@temporalio/workflow';
import type { StopReport } from '../contract/state.js';
import { showDetails } from './details.js';
import { readTables, setLane } from './load.js';
import type { migration } from './migration.js';
import { step, vigil } from './proxies.js';
import { currentLane, note, runArgument } from './run.js';
import type { Carried, MigrationRun } from './run.js';
import { asError } from './as-error.js';
import { throwClockError } from './stop-clock.js';

/** 6 events a round: a round of 5 minutes makes 1,700 a day. */
const ROUND_SECONDS = 300;

/** Ends when the marker of the stop that stands is committed. */
export async function monitor(run: MigrationRun): Promise<void> {
  // A run that continues another has their number, and not the tables themselves.
  if (run.tables.length === 0 && run.state.totals.tables > 0) await readTables(run);
  for (;;) {
    await continueIfDue(run);
    await watchRound(run, () => run.progress.committed !== undefined || run.clockError !== undefined);
    throwClockError(run);
    if (run.progress.committed) return;
  }
}

/** One monitor activity, left early when something needs attention. */
async function watchRound(run: MigrationRun, attention: () => boolean, standing = false): Promise<void> {
  const scope = new CancellationScope();
  let ended = false;
  let failure: Error | undefined;
  const round = scope
    .run(() =>
      vigil('watch the lanes').monitor({
        run: runArgument(run),
        lanes: [currentLane(run)],
        retired: run.progress.retired,
        standing,
        seconds: ROUND_SECONDS,
      }),
    )
    .then(
      (figures) => {
        run.state.monitor = figures;
      },
      (error: unknown) => {
        if (!isCancellation(error)) failure = asError(error);
      },
    )
    .finally(() => {
      ended = true;
    });
  await condition(() => ended || attention());
  scope.cancel();
  await round;
  showDetails(run);
  if (failure !== undefined) throw failure;
}

/** A clock that is about to strike must not be interrupted for the sake of a shorter history. */
const CLOCK_MARGIN_MS = 10 * 60_000;

async function continueIfDue(run: MigrationRun): Promise<void> {
  if (!workflowInfo().continueAsNewSuggested || !run.spec) return;
  const at = run.progress.committed ? undefined : run.state.stop?.at;
  if (at !== undefined && Date.parse(at) - Date.now() < CLOCK_MARGIN_MS) return;
  await condition(allHandlersFinished);
  note(run, 'continued', 'the history has grown long; a new run goes on');
  const carried: Carried = { spec: run.spec, state: run.state, progress: run.progress };
  await continueAsNew<typeof migration>(run.input, carried);
}

/** Waits for every lane to stand at the marker; then finish, or stand and wait. */
export async function stop(run: MigrationRun): Promise<void> {
  run.progress.report ??= await confirm(run);
  if (run.state.stop?.then === 'wait') await standAndWait(run);
  const { sequences } = await step('set the sequences').setSequences({ run: runArgument(run) });
  run.progress.sequencesSet = sequences;
  note(run, 'sequences', `${String(sequences)} sequences were set`);
}

async function confirm(run: MigrationRun): Promise<StopReport> {
  const { marker: planned, committed } = run.progress;
  if (!planned || !committed)
    throw ApplicationFailure.nonRetryable('no marker is committed', 'INTERNAL_ERROR');
  const { revision: _, ...marker } = planned;
  const begun = Date.now();
  const { lanes } = await vigil('wait until the lanes stand at the marker').confirmStopped({
    run: runArgument(run),
    marker,
    lsn: committed.lsn,
  });
  const report: StopReport = {
    marker: marker.marker,
    ...(marker.plan.at === undefined ? {} : { plannedAt: marker.plan.at }),
    committedAt: committed.committedAt,
    ...(committed.overshootMs === undefined ? {} : { overshootMs: committed.overshootMs }),
    ...(committed.late === undefined ? {} : { late: committed.late }),
    lanes,
    stoppedAfterMs: Date.now() - begun,
  };
  if (run.state.stop) run.state.stop.report = report;
  for (const { lane } of lanes) setLane(run, lane, 'stopped');
  note(run, 'stopped', `every lane stands at the marker${report.late ? `; ${report.late}` : ''}`);
  return report;
}

/** The lanes stand; WAL is still held back on the source, so it goes on being watched. */
async function standAndWait(run: MigrationRun): Promise<void> {
  run.state.status = 'stopped';
  showDetails(run);
  while (!run.asked.finish) {
    await continueIfDue(run);
    await watchRound(run, () => run.asked.finish, true);
  }
  run.state.status = 'running';
}
