/** The worker that tests start: the real one, which may end itself at a statement, or watch the lanes in shorter rounds. */
import type { WorkerOverrides } from '../../workers/index.js';
import { runWorker } from '../../workers/index.js';
import { faultObserver } from './fault.js';

const { PGTREK_TEST_FAULT: fault, PGTREK_TEST_ROUND_SECONDS: roundSeconds } = process.env;

await runWorker({
  ...(fault ? { observer: faultObserver(fault) } : {}),
  ...(roundSeconds ? { wrapActivities: withRoundsOf(Number(roundSeconds)) } : {}),
});

/** Each round of monitor lasts so long, whatever the workflow asks for, and is told in the worker's log. */
function withRoundsOf(seconds: number): NonNullable<WorkerOverrides['wrapActivities']> {
  return (activities) => ({
    ...activities,
    async monitor(input) {
      const figures = await activities.monitor({ ...input, seconds });
      process.stdout.write('a round of monitor is over\n');
      return figures;
    },
  });
}
