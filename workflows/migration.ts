/** A migration from validate to its end: the table of contents. */
import { isCancellation } from '@temporalio/workflow';
import type { Outcome } from '../contract/state.js';
import type { SpecInput } from '../contract/spec.js';
import { showDetails } from './details.js';
import { dumpToDisk, restoreFromDisk } from './disk.js';
import { abort, cancel, finish } from './ends.js';
import { monitor, stop } from './follow.js';
import { registerHandlers } from './handlers.js';
import { load, publish, subscribe } from './load.js';
import { openRun } from './run.js';
import type { Carried, MigrationRun } from './run.js';
import { dumpSchema, restoreSchema, validate } from './schema.js';
import { Aborted, stage } from './stage.js';
import { keepStopClock } from './stop-clock.js';

/** Workflow type `migration`, id `pgtrek-<name>`. `carried` is what a former run of the same migration hands over. */
export async function migration(input: SpecInput, carried?: Carried): Promise<Outcome> {
  const run = openRun(input, carried);
  registerHandlers(run);
  void keepStopClock(run);
  showDetails(run);
  try {
    await stage(run, 'validate', () => validate(run));
    if (run.state.method === 'dump') await loadByDump(run);
    else await loadByStream(run);
    return await finish(run);
  } catch (error) {
    if (error instanceof Aborted) return await abort(run);
    if (isCancellation(error)) await cancel(run);
    throw error;
  }
}

async function loadByDump(run: MigrationRun): Promise<void> {
  await stage(run, 'dump', () => dumpToDisk(run));
  await stage(run, 'restore', () => restoreFromDisk(run));
}

async function loadByStream(run: MigrationRun): Promise<void> {
  await stage(run, 'dump', () => dumpSchema(run));
  await stage(run, 'restore', () => restoreSchema(run));
  await stage(run, 'publish', () => publish(run));
  await stage(run, 'load', () => load(run));
  await stage(run, 'subscribe', () => subscribe(run));
  await stage(run, 'monitor', () => monitor(run));
  await stage(run, 'stop', () => stop(run));
}
