/** What is done once while all lanes stand at one marker: at a cutover, or at the end. */
import { addForeignKeys } from './complete-target.js';
import { step } from './proxies.js';
import { runArgument } from './run.js';
import type { MigrationRun } from './run.js';

/** Sequences are not replicated. False when they are set already: the target's own may have moved on since. */
export async function settle(run: MigrationRun): Promise<boolean> {
  if ((run.progress.keysLeft ?? 0) > 0) await addForeignKeys(run, true);
  if (run.progress.sequencesSet !== undefined) return false;
  const { sequences } = await step('set the sequences').setSequences({ run: runArgument(run) });
  run.progress.sequencesSet = sequences;
  return true;
}
