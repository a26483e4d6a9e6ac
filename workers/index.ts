/** For services that embed a worker, and for the command line. */
export { readConfig } from './config.js';
export type { WorkerConfig } from './config.js';
export { createWorkers } from './create-workers.js';
export type { WorkerOverrides, Workers } from './create-workers.js';
export { fixHere, orphansHere, validateHere, verifyHere } from './here.js';
export { runWorker } from './run-worker.js';
export { workflowBundle } from './workflow-bundle.js';
