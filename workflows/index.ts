/** Workflow types: every function that is exported here becomes one. */
export { migration } from './migration.js';
