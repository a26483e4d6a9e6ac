/** The lanes of a migration: opened, left by the tables that they have not copied, subscribed. */
import type { LaneState } from '../contract/state.js';
import type { LaneName } from '../contract/names.js';
import { slotLossOf } from './alerts.js';
import { showDetails } from './details.js';
import { step } from './proxies.js';
import { activeLanes, nextLane, plainMarker, runArgument } from './run.js';
import type { MigrationRun } from './run.js';
import { endStopClock } from './stop-clock.js';
import { readTables } from './tables.js';

/** Opens a lane for the tables that belong to none: everything that changes from here on will be in its stream. */
export async function publish(run: MigrationRun): Promise<void> {
  const lane = run.progress.lane ?? nextLane(run);
  const { tables } = await step(`publish ${lane}`).publishLane({ run: runArgument(run), lane });
  run.state.lanes = run.state.lanes.filter(({ name }) => name !== lane);
  run.state.lanes.push({ name: lane, status: 'publishing', tables });
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
  const { marker } = run.progress;
  if (marker) {
    await step('disarm the marker').disarmMarker({ run: runArgument(run), marker: plainMarker(marker) });
    run.progress.retired.push(marker.marker);
  }
  run.clockError = undefined;
  delete run.progress.committed;
  delete run.progress.marker;
}

export async function subscribe(run: MigrationRun): Promise<void> {
  // Of a lane whose slot is gone monitor tells what comes next.
  for (const lane of activeLanes(run).filter((each) => slotLossOf(run, each) === undefined)) {
    await step(`subscribe ${lane}`).subscribe({ run: runArgument(run), lane });
    setLane(run, lane, run.progress.copied ? 'applying' : 'loading');
  }
  await readTables(run);
}
