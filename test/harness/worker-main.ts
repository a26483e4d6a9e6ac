/** The worker that tests start: the real one, with an observer that can end it at a statement. */
import { runWorker } from '../../workers/index.js';
import { faultObserver } from './fault.js';

await runWorker(
  process.env.PGTREK_TEST_FAULT ? { observer: faultObserver(process.env.PGTREK_TEST_FAULT) } : {},
);
