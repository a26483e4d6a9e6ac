/** The lanes of a migration: opened, left by the tables that they have not copied, subscribed. */
import type { LaneState } from '../contract/state.js';
import type { LaneName } from '../contract/names.js';
import { slotLossOf } from './alerts.js';
import { showDetails } from './details.js';
import { step } from './proxies.js';
import { activeLanes, nextLane, note, plainMarker, runArgument } from './run.js';
import type { MigrationRun } from './run.js';
import { endStopClock } from './stop-clock.js';
import { readTables } from './tables.js';

/** Opens a lane for tables that belong to none: everything that changes from here on will be in its stream. */
export async function publish(run: MigrationRun): Promise<void> {
  if (run.progress.isAgain) await forgetMarker(run);
  const lane = run.progress.lane ?? nextLane(run);
  const { tables, waiting = 0 } = await step(`publish ${lane}`).publishLane({ run: runArgument(run), lane });
  run.state.lanes = run.state.lanes.filter(({ name }) => name !== lane);
  run.state.lanes.push({ name: lane, status: 'publishing', tables });
  run.progress.waiting = waiting;
  // What was given up since is among them.
  if (waiting === 0) delete run.progress.loadDue;
}

/** A lane for each group of tables, one after the other. */
export async function publishAll(run: MigrationRun): Promise<void> {
  for (;;) {
    await publish(run);
    if (!isLaneDue(run)) return;
    delete run.progress.lane;
  }
}

/** Tables wait for another lane than those that were made. */
export function isLaneDue({ progress }: MigrationRun): boolean {
  return (progress.waiting ?? 0) > 0;
}

/** By the stage before, or by a former try of this one. */
export function isPublished({ progress, state }: MigrationRun): boolean {
  return state.lanes.some(({ name, status }) => name === progress.lane && status !== 'dropped');
}

export function isStreaming(run: MigrationRun): boolean {
  return run.state.mode !== 'full-load';
}

/** Whether changes of what the lane has copied will come. */
export function hasStream(run: MigrationRun, lane: LaneName): boolean {
  return isStreaming(run) && slotLossOf(run, lane) === undefined;
}

export function setLane(run: MigrationRun, lane: LaneName, status: LaneState['status']): void {
  const state = run.state.lanes.find(({ name }) => name === lane);
  if (state) state.status = status;
  showDetails(run);
}

/** All that carry tables. */
export function setLanes(run: MigrationRun, status: LaneState['status']): void {
  for (const lane of activeLanes(run)) setLane(run, lane, status);
}

/**
 * The lane that is being made keeps the tables that it has copied, and what is left waits for a new one: the ids of
 * these tables. A full load, or a lane without its slot, has no stream that would carry the copied ones on: it keeps none.
 */
export async function leaveLane(run: MigrationRun, lane: LaneName): Promise<number[]> {
  run.slotReady = false;
  run.progress.leaving = lane;
  await forgetMarker(run);
  const argument = runArgument(run);
  const { tables, left } = hasStream(run, lane)
    ? await step(`keep what ${lane} has copied`).reduceLane({ run: argument, lane })
    : { tables: 0, left: new Array<number>() };
  if (tables === 0) await step(`give ${lane} up`).dropLane({ run: argument, lane });
  const state = run.state.lanes.find(({ name }) => name === lane);
  if (state) Object.assign(state, tables === 0 ? { status: 'dropped' } : { status: 'copied', tables });
  delete run.progress.lane;
  delete run.progress.leaving;
  return left;
}

/** It was for the lanes that there were: it must stop none of them, and the stop clock makes another one for all. */
async function forgetMarker(run: MigrationRun): Promise<void> {
  await endStopClock(run);
  const { marker, committed } = run.progress;
  if (marker) {
    const plain = plainMarker(marker);
    const { fired } = await step('disarm the marker').disarmMarker({ run: runArgument(run), marker: plain });
    const lanes = plain.lanes.filter((lane) => streams(run, lane));
    if (fired && lanes.length > 0)
      await step('let the lanes go on').resumeLanes({ run: runArgument(run), marker: { ...plain, lanes } });
    for (const lane of lanes) setLane(run, lane, 'applying');
    run.progress.retired.push(marker.marker);
    if (committed)
      note(
        run,
        'stop-late',
        'the marker of the stop counts no more: it stops the lanes later, with the new one',
      );
  }
  run.clockError = undefined;
  delete run.progress.committed;
  delete run.progress.marker;
  delete run.progress.report;
  delete run.progress.sequencesSet;
}

function streams({ state }: MigrationRun, lane: LaneName): boolean {
  return state.lanes.some(
    ({ name, status }) => name === lane && (status === 'applying' || status === 'stopped'),
  );
}

/** Those that are new; at first all, whatever a former try has subscribed. */
export function lanesToSubscribe(run: MigrationRun): LaneName[] {
  const lanes = activeLanes(run);
  return run.progress.isAgain ? lanes.filter((lane) => !streams(run, lane)) : lanes;
}

export async function subscribe(run: MigrationRun): Promise<void> {
  for (const lane of lanesToSubscribe(run)) {
    await step(`subscribe ${lane}`).subscribe({ run: runArgument(run), lane });
    setLane(run, lane, run.progress.copied ? 'applying' : 'loading');
  }
  await readTables(run);
}
