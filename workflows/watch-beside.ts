/**
 * What the slots hold back, watched while no round of monitor runs: during the load, and while a stage is blocked. It never
 * blocks anything itself.
 */
import { condition, isCancellation, sleep } from '@temporalio/workflow';
import type { LaneName } from '../contract/names.js';
import type { MonitorFigures, StageName } from '../contract/state.js';
import { knownAlerts, loseSlot, saveSource, slotLossOf, takeAlerts } from './alerts.js';
import { causeOf } from './as-error.js';
import { showDetails } from './details.js';
import { takeWal } from './drift.js';
import { isStreaming } from './lanes.js';
import { vigil } from './proxies.js';
import { hasAlerts, note, runArgument } from './run.js';
import type { MigrationRun } from './run.js';
import { unlessAttention } from './watch.js';

/** Left early when alerts change, so that a load of weeks has few rounds in its history. */
const ROUND_SECONDS = 1_800;

/** A role that lacks a privilege does not get it by itself. */
const TRY_AGAIN_AFTER = '10 minutes';

/** Stages that watch for themselves, unless they are blocked. */
const WATCHED: ReadonlySet<StageName> = new Set(['monitor', 'stop', 'cutover', 'protect']);

/** Runs beside the stages for the whole life of the migration. */
export async function keepWatchBeside(run: MigrationRun): Promise<void> {
  let failure: string | undefined;
  for (;;) {
    try {
      if (failure !== undefined) await sleep(TRY_AGAIN_AFTER, { summary: 'before WAL is watched again' });
      await condition(() => isDue(run));
      run.watchesBeside = true;
      await watchOnce(run);
      failure = undefined;
    } catch (error) {
      // The workflow itself was cancelled.
      if (isCancellation(error)) return;
      const cause = causeOf(error);
      if (cause !== failure)
        note(run, 'wal-watch', `the WAL that our slots hold back is not watched: ${cause}`);
      failure = cause;
    } finally {
      run.watchesBeside = false;
    }
  }
}

interface Watched {
  /** Subscribed. */
  lanes: LaneName[];
  /** With a slot, and not subscribed. */
  idle: LaneName[];
}

function lanesOf(run: MigrationRun): Watched {
  const having = (...wanted: string[]) =>
    run.state.lanes
      .filter(({ name, status }) => wanted.includes(status) && name !== run.progress.leaving)
      .map(({ name }) => name)
      .filter((lane) => slotLossOf(run, lane) === undefined);
  return { lanes: having('applying', 'stopped'), idle: having('loading', 'copied') };
}

function isDue(run: MigrationRun): boolean {
  const { state, asked, ending } = run;
  if (!hasAlerts(run) || !isStreaming(run) || asked.abort || asked.restart || ending) return false;
  if (WATCHED.has(state.stage) && state.status !== 'blocked') return false;
  return hasSlots(run);
}

function hasSlots(run: MigrationRun): boolean {
  const { lanes, idle } = lanesOf(run);
  return lanes.length + idle.length > 0;
}

async function watchOnce(run: MigrationRun): Promise<void> {
  const watched = lanesOf(run);
  const isOver = () => !isDue(run) || JSON.stringify(lanesOf(run)) !== JSON.stringify(watched);
  if (run.progress.release) await unlessAttention(isOver, () => saveSource(run));
  else {
    const figures = await unlessAttention(isOver, () =>
      vigil('watch the WAL that slots hold back').watchBeside({
        run: runArgument(run),
        ...watched,
        seconds: ROUND_SECONDS,
        knownAlerts: knownAlerts(run),
      }),
    );
    if (figures && !isOver()) take(run, figures, watched);
  }
  if (!hasSlots(run)) takeAlerts(run, []);
  showDetails(run);
}

function take(run: MigrationRun, figures: MonitorFigures, { idle }: Watched): void {
  takeWal(run, figures);
  for (const { lane, walStatus, invalidationReason } of figures.lanes) {
    if (!idle.includes(lane) || (walStatus !== null && walStatus !== 'lost')) continue;
    const why =
      walStatus === null
        ? `The slot of ${lane} is gone from the source.`
        : `The slot of ${lane} was invalidated by the source (${invalidationReason ?? 'wal_removed'}).`;
    loseSlot(run, lane, why);
    note(run, 'slot-lost', why);
  }
}
