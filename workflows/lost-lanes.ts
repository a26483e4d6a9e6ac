/** A lane whose slot is lost: told and waited for; then its tables are loaded again, while the other lanes stream on. */
import { ActivityFailure, ApplicationFailure, patched } from '@temporalio/workflow';
import type { LaneName } from '../contract/names.js';
import type { StageName } from '../contract/state.js';
import { undoCutover } from './cutover.js';
import { setLane } from './lanes.js';
import { step } from './proxies.js';
import { activeLanes, isTurned, note, runArgument } from './run.js';
import type { MigrationRun } from './run.js';
import { endStopClock } from './stop-clock.js';

/** Tables belong to no lane: they are loaded in a new one before monitor goes on. */
export function isLoadDue({ progress }: MigrationRun): boolean {
  return progress.loadDue === true;
}

/** Work that finds out when slots are lost. What a former try has found is given up first: somebody has seen it, and said `retry`. */
export async function withoutLost(
  run: MigrationRun,
  work: (run: MigrationRun) => Promise<void>,
): Promise<void> {
  await giveUpLost(run);
  try {
    await work(run);
  } catch (error) {
    throw markLost(run, error) ?? error;
  }
}

/** Mode cdc, and lanes that were turned round, have nothing to load with: there it blocks until somebody aborts. */
function markLost(run: MigrationRun, error: unknown): ApplicationFailure | undefined {
  const failure = error instanceof ActivityFailure ? error.cause : undefined;
  if (
    run.state.mode === 'cdc' ||
    isTurned(run) ||
    !(failure instanceof ApplicationFailure) ||
    failure.type !== 'SLOT_LOST'
  )
    return undefined;
  // Runs of older versions have tried again what had failed.
  if (!patched('lost-lanes')) return undefined;
  const lanes = lanesIn(run, failure);
  if (lanes.length === 0) return undefined;
  // No marker may be made for a lane through which none will come.
  run.slotReady = false;
  for (const lane of lanes) setLane(run, lane, 'lost');
  note(run, 'lane-lost', `${lanes.join(', ')}: ${failure.message}`);
  return ApplicationFailure.create({
    type: 'SLOT_LOST',
    message: failure.message,
    nonRetryable: true,
    details: [{ object: lanes.join(', '), remedy: REMEDY }],
  });
}

const REMEDY =
  'retry: its tables are emptied on the target and loaded again in a new lane, the others go on; or abort.';

/** Those that the error is about. */
function lanesIn(run: MigrationRun, { details }: ApplicationFailure): LaneName[] {
  const facts = details?.[0] as { object?: string } | undefined;
  const named = facts?.object?.split(', ') ?? [];
  return activeLanes(run).filter((lane) => named.includes(lane));
}

async function giveUpLost(run: MigrationRun): Promise<void> {
  const lost = run.state.lanes.filter(({ status }) => status === 'lost');
  if (lost.length === 0) return;
  // Its session would be ended with all others.
  await endStopClock(run);
  for (const { name } of lost) {
    await step(`give ${name} up`).dropLane({ run: runArgument(run), lane: name });
    run.progress.loadDue = true;
    setLane(run, name, 'dropped');
    leaveMarkers(run, name);
    note(run, 'lane-given-up', `${name} was given up: its tables are empty, and wait for a new lane.`);
  }
}

/** The others leave them without it. */
function leaveMarkers({ progress }: MigrationRun, lane: LaneName): void {
  for (const marker of [progress.pauseMarker, progress.resumeFrom])
    if (marker) marker.lanes = marker.lanes.filter((name) => name !== lane);
}

/** What brings a lane, and follows it. */
const STAGES: ReadonlySet<StageName> = new Set(['publish', 'load', 'subscribe', 'monitor', 'stop']);

/** These stages wait again, for what belongs to no lane. */
export function beginLoadAgain(run: MigrationRun): void {
  const { progress, state } = run;
  if (run.asked.cutover) {
    undoCutover(run, 'tables have to be loaded first');
    run.asked.resume = false;
  }
  run.slotReady = false;
  delete progress.loadDue;
  delete progress.lane;
  delete progress.slotsFrom;
  progress.copied = false;
  progress.isAgain = true;
  state.stages = state.stages
    .filter(({ name }) => name !== 'cutover')
    .map((each) => (isDoneAgain(run, each.name) ? { name: each.name, status: 'waiting' } : each));
  note(run, 'load-again', 'tables that belong to no lane are loaded in a new one');
}

/** The server finds rows by keys, which the restore builds before it copies. */
function isDoneAgain({ state }: MigrationRun, name: StageName): boolean {
  return STAGES.has(name) || (name === 'restore' && state.method === 'native');
}
