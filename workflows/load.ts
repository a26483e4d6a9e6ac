/** load: all rows from one snapshot, then indexes, keys and the rest. */
import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  condition,
  isCancellation,
  sleep,
} from '@temporalio/workflow';
import type { CopiedTable } from '../contract/activities.js';
import type { LaneName } from '../contract/names.js';
import type { TableRow } from '../contract/state.js';
import { asError } from './as-error.js';
import { showDetails } from './details.js';
import { completeTarget, paceOf } from './complete-target.js';
import { forEachOf } from './for-each-of.js';
import { keeper, step } from './proxies.js';
import { currentLane, nextLane, note, runArgument } from './run.js';
import type { MigrationRun } from './run.js';
import { endStopClock } from './stop-clock.js';

/** Opens the first lane: everything that changes from here on will be in its stream. */
export async function publish(run: MigrationRun): Promise<void> {
  const lane = run.progress.lane ?? nextLane(run);
  const { tables } = await step(`publish ${lane}`).publishLane({ run: runArgument(run), lane });
  run.state.lanes = run.state.lanes.filter(({ name }) => name !== lane);
  run.state.lanes.push({ name: lane, status: 'publishing', tables });
}

/** By the stage before, or by a former try of this one. */
function isPublished({ progress, state }: MigrationRun): boolean {
  return state.lanes.some(({ name, status }) => name === progress.lane && status !== 'dropped');
}

export async function load(run: MigrationRun): Promise<void> {
  if (!run.progress.copied) await copyAll(run);
  await completeTarget(run);
  // A lane that streams reads them again when it is subscribed.
  if (!isStreaming(run)) await readTables(run);
}

/** So many lanes in a row without success are no accident any more: a person should look. */
const LOSSES = 5;

/** Lane after lane until one has brought all rows: a lane whose snapshot died is given up whole. */
async function copyAll(run: MigrationRun): Promise<void> {
  for (let losses = 1; ; losses += 1) {
    if (!isPublished(run)) await publish(run);
    const lane = currentLane(run);
    try {
      await copyLane(run, lane);
      run.progress.copied = true;
      return;
    } catch (error) {
      if (isCancellation(error)) throw error;
      const reason = lossOf(error);
      await giveUp(run, lane);
      // Anything else blocks the stage; no slot holds WAL back meanwhile.
      if (reason === undefined) throw error;
      if (losses === LOSSES) throw tooManyLosses(reason);
      note(run, 'lane-given-up', `${lane} was given up: ${reason} The load starts again in a new lane.`);
      await sleep(losses * 2_000, { summary: 'before the next lane' });
    }
  }
}

function tooManyLosses(reason: string): ApplicationFailure {
  return ApplicationFailure.create({
    type: 'SNAPSHOT_LOST',
    message: `${String(LOSSES)} lanes in a row lost their snapshot; the last one because ${reason}`,
    nonRetryable: true,
    details: [{ remedy: 'Look at the workers, the network and the source, then retry.' }],
  });
}

/** The keeper's death, a rewritten heap: nobody's fault, and mended by a new snapshot. */
function lossOf(error: unknown): string | undefined {
  if (!(error instanceof ActivityFailure)) return undefined;
  const { cause } = error;
  if (cause instanceof ApplicationFailure) {
    if (cause.type === 'SNAPSHOT_LOST' || cause.type === 'HEAP_REWRITTEN') return cause.message;
    // The keeper has one attempt, so what any other activity would try again is a loss: a worker that shuts down.
    return error.activityType === 'keepSnapshot' && !cause.nonRetryable
      ? `its snapshot is lost (${cause.message}).`
      : undefined;
  }
  return error.activityType === 'keepSnapshot'
    ? 'its snapshot is lost (no word from its worker).'
    : undefined;
}

async function giveUp(run: MigrationRun, lane: LaneName): Promise<void> {
  run.slotReady = false;
  // The marker goes with the lane's journal.
  await endStopClock(run);
  run.clockError = undefined;
  delete run.progress.committed;
  delete run.progress.marker;
  await step(`give ${lane} up`).dropLane({ run: runArgument(run), lane });
  const state = run.state.lanes.find(({ name }) => name === lane);
  if (state) state.status = 'dropped';
  delete run.progress.lane;
  run.snapshots.delete(lane);
}

/** Holds the snapshot while all batches are copied. The keeper's death ends the copying at once. */
async function copyLane(run: MigrationRun, lane: LaneName): Promise<void> {
  const scope = new CancellationScope();
  let lost: Error | undefined;
  const kept = scope
    .run(() =>
      keeper(`hold the snapshot of ${lane}`).keepSnapshot({
        run: runArgument(run),
        lane,
        slot: isStreaming(run),
      }),
    )
    .catch((error: unknown) => {
      lost = asError(error);
      scope.cancel();
    });
  try {
    await condition(() => run.snapshots.has(lane) || lost !== undefined);
    if (lost !== undefined) throw lost;
    setLane(run, lane, 'loading');
    run.slotReady = isStreaming(run);
    await scope.run(() => copyBatches(run, lane));
  } catch (error) {
    // What the keeper's end has cancelled is told by its reason.
    throw isCancellation(error) && lost !== undefined && !isCancellation(lost) ? lost : error;
  } finally {
    scope.cancel();
    await kept;
  }
}

function isStreaming(run: MigrationRun): boolean {
  return run.state.mode !== 'full-load';
}

export function setLane(run: MigrationRun, lane: LaneName, status: 'loading' | 'applying' | 'stopped'): void {
  const state = run.state.lanes.find(({ name }) => name === lane);
  if (state) state.status = status;
  showDetails(run);
}

async function copyBatches(run: MigrationRun, lane: LaneName): Promise<void> {
  const argument = runArgument(run);
  const plan = await step('plan the load').planLoad({ run: argument, lane });
  const { totals } = run.state;
  Object.assign(totals, {
    tables: plan.tables,
    tablesCopied: 0,
    bytesPlanned: plan.bytes,
    bytesCopied: '0',
    rowsCopied: '0',
  });
  showDetails(run);
  await readTables(run);
  await forEachOf(plan.batches, paceOf(run, 'jobs'), async (batch) => {
    const snapshot = run.snapshots.get(lane);
    if (!snapshot)
      throw ApplicationFailure.nonRetryable(`the snapshot of ${lane} has two holders`, 'SNAPSHOT_LOST');
    const copied = await step(`copy ${batch.label}`).copyBatch({
      run: argument,
      lane,
      snapshot: snapshot.snapshot,
      batch,
    });
    addCopied(run, copied);
  });
  await checkComplete(run, lane);
}

/** The ledger decides, not our counting: a table without its row there has not been copied. */
async function checkComplete(run: MigrationRun, lane: LaneName): Promise<void> {
  const left = await step('check that every table was copied').planLoad({ run: runArgument(run), lane });
  if (left.tables === 0) return;
  const names = left.batches.map(({ label }) => label).join(', ');
  throw ApplicationFailure.nonRetryable(
    `${String(left.tables)} tables were not copied: ${names}`,
    'INTERNAL_ERROR',
  );
}

function addCopied(run: MigrationRun, copied: CopiedTable[]): void {
  const { totals } = run.state;
  for (const { rows, bytes } of copied) {
    totals.tablesCopied += 1;
    totals.rowsCopied = String(BigInt(totals.rowsCopied) + BigInt(rows));
    totals.bytesCopied = String(BigInt(totals.bytesCopied) + BigInt(bytes));
  }
  showDetails(run);
}

/** A page of an activity's result. */
const PAGE = 2_000;

/** Rows for the `tables` query: kept in memory only, and read again when a new run has begun. */
export async function readTables(run: MigrationRun): Promise<void> {
  const rows: TableRow[] = [];
  for (;;) {
    const page: TableRow[] = await step('read the tables').readTables({
      run: runArgument(run),
      offset: rows.length,
      limit: PAGE,
    });
    rows.push(...page);
    if (page.length < PAGE) break;
  }
  run.tables = rows;
}

export async function subscribe(run: MigrationRun): Promise<void> {
  const lane = currentLane(run);
  await step(`subscribe ${lane}`).subscribe({ run: runArgument(run), lane });
  setLane(run, lane, run.progress.copied ? 'applying' : 'loading');
  await readTables(run);
}
