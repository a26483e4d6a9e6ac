/** The lanes stand at a marker and wait for what comes next. */
import { showDetails } from './details.js';
import type { MigrationRun } from './run.js';
import { goOn } from './stage.js';
import { continueIfDue, watchRound } from './watch.js';

/** WAL is still held back on the source, so it goes on being watched. */
export async function stand(run: MigrationRun): Promise<void> {
  const { asked } = run;
  const isAsked = () => asked.finish || asked.resume === true || asked.cutover !== undefined;
  run.state.status = 'stopped';
  showDetails(run);
  while (!isAsked()) {
    await continueIfDue(run);
    await watchRound(run, isAsked, 'standing');
  }
  goOn(run);
}
