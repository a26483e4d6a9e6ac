import { Belongings } from '../dev/belongings.js';
import { Interrupted, catchInterrupt } from '../dev/interrupt.js';
import { createProgress } from './progress.js';
import type { Progress } from './progress.js';

/** What every suite has. */
export interface Suite {
  /** Whatever it starts; ended with it. */
  belongings: Belongings;
  progress: Progress;
  /** Aborted when the suite ends. */
  signal: AbortSignal;
}

/** Returns the exit code. However the suite ends, on Ctrl-C too, nothing of it is left. */
export async function holdSuite(run: (suite: Suite) => Promise<number>): Promise<number> {
  const belongings = new Belongings();
  const interrupt = catchInterrupt();
  const givenUp = new AbortController();
  try {
    const suite = { belongings, signal: givenUp.signal, progress: createProgress() };
    return await Promise.race([run(suite), interrupt.happens]);
  } catch (error) {
    if (error instanceof Interrupted) return error.exitCode;
    throw error;
  } finally {
    givenUp.abort();
    for (const failure of await belongings.closeAll()) console.error(failure);
    interrupt.forget();
  }
}
