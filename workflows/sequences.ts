/** Sequences are not replicated: they are set once, at a cutover or at the end. */
import { step } from './proxies.js';
import { runArgument } from './run.js';
import type { MigrationRun } from './run.js';

/** False when they are set already: the target's own may have moved on since. */
export async function setSequencesOnce(run: MigrationRun): Promise<boolean> {
  if (run.progress.sequencesSet !== undefined) return false;
  const { sequences } = await step('set the sequences').setSequences({ run: runArgument(run) });
  run.progress.sequencesSet = sequences;
  return true;
}
