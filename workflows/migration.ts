/** A migration from validate to its end: the table of contents. */
import { isCancellation } from '@temporalio/workflow';
import type { Outcome } from '../contract/state.js';
import type { SpecInput } from '../contract/spec.js';
import { cutOver, enterCutover, isCutoverDue, protect } from './changeover.js';
import { cutover } from './cutover.js';
import { showDetails } from './details.js';
import { dumpToDisk, restoreFromDisk } from './disk.js';
import { abort, cancel, finish } from './ends.js';
import { goesOn, monitor, stop } from './follow.js';
import { registerHandlers } from './handlers.js';
import { publish, publishAll, subscribe } from './lanes.js';
import { load } from './load.js';
import { beginLoadAgain, isLoadDue, withoutLost } from './lost-lanes.js';
import { loadNatively, publishExisting, restoreWithIndexes, subscribeFromSlot } from './native.js';
import { restart } from './restart.js';
import { keepNotifying } from './notify.js';
import { openRun } from './run.js';
import type { Carried, MigrationRun } from './run.js';
import { dumpSchema, restoreSchema, validate } from './schema.js';
import { Aborted, Restarted, stage } from './stage.js';
import { keepStopClock } from './stop-clock.js';
import { keepVerifying } from './verify.js';
import { keepWatchBeside } from './watch-beside.js';

/** Workflow type `migration`, id `pgtrek-<name>`. `carried` is what a former run of the same migration hands over. */
export async function migration(input: SpecInput, carried?: Carried): Promise<Outcome> {
  const run = openRun(input, carried);
  registerHandlers(run);
  void keepStopClock(run);
  void keepWatchBeside(run);
  void keepVerifying(run);
  keepNotifying(run);
  showDetails(run);
  try {
    return await untilFinished(run);
  } catch (error) {
    if (error instanceof Aborted) return await abort(run);
    if (isCancellation(error)) await cancel(run);
    throw error;
  }
}

async function untilFinished(run: MigrationRun): Promise<Outcome> {
  try {
    await stage(run, 'validate', () => validate(run));
    await bringOver(run);
    await replicate(run);
    return await finish(run);
  } catch (error) {
    if (error instanceof Restarted) return await restart(run);
    throw error;
  }
}

function bringOver(run: MigrationRun): Promise<void> {
  const { mode, method } = run.state;
  if (mode === 'cdc') return joinExisting(run);
  if (method === 'dump') return loadByDump(run);
  return method === 'native' ? loadByServer(run) : loadByStream(run);
}

async function loadByStream(run: MigrationRun): Promise<void> {
  await stage(run, 'dump', () => dumpSchema(run));
  await stage(run, 'restore', () => restoreSchema(run));
  await stage(run, 'publish', () => withoutLost(run, publish));
  await stage(run, 'load', () => withoutLost(run, load));
  await stage(run, 'subscribe', () => withoutLost(run, subscribe));
}

async function loadByDump(run: MigrationRun): Promise<void> {
  await stage(run, 'dump', () => dumpToDisk(run));
  await stage(run, 'restore', () => restoreFromDisk(run));
}

/** The server copies rows as part of the subscription. */
async function loadByServer(run: MigrationRun): Promise<void> {
  await stage(run, 'dump', () => dumpSchema(run));
  await stage(run, 'restore', () => restoreWithIndexes(run));
  await stage(run, 'publish', () => withoutLost(run, publishAll));
  await stage(run, 'subscribe', () => withoutLost(run, subscribeFromSlot));
  await stage(run, 'load', () => withoutLost(run, loadNatively));
}

/** Tables and rows are there already; only changes are brought. */
async function joinExisting(run: MigrationRun): Promise<void> {
  await stage(run, 'publish', () => publishExisting(run));
  await stage(run, 'subscribe', () => subscribeFromSlot(run));
}

/** Over and over, when somebody resumes after a stop, when tables are loaded again, or the lanes turn round. A full load has none of these stages. */
async function replicate(run: MigrationRun): Promise<void> {
  for (;;) {
    await stage(run, 'monitor', () => withoutLost(run, monitor));
    await stage(run, 'protect', () => protect(run));
    if (isCutoverDue(run)) {
      await stage(run, enterCutover(run), () => cutOver(run));
      continue;
    }
    if (!isLoadDue(run)) await stage(run, 'stop', () => withoutLost(run, stop));
    if (isLoadDue(run)) {
      await loadAgain(run);
      continue;
    }
    await stage(run, 'cutover', () => cutover(run));
    if (!goesOn(run)) return;
  }
}

/** In a new lane, while the others stream on: what is done already is passed over. */
async function loadAgain(run: MigrationRun): Promise<void> {
  beginLoadAgain(run);
  await bringOver(run);
}
