/** Everything that the workflow can ask a worker to do. */
import type { Activities } from '../contract/activities.js';
import { cutoverActivities } from './cutover.js';
import { dumpActivities } from './dump.js';
import { followActivities } from './follow.js';
import { loadActivities } from './load.js';
import { notifyActivities } from './notify.js';
import { schemaActivities } from './schema.js';
import { snapshotActivities } from './snapshot.js';
import type { ActivityDependencies } from './step.js';
import { validateActivities } from './validate.js';
import { verifyActivities } from './verify.js';

export function createActivities(dependencies: ActivityDependencies): Activities {
  return {
    ...validateActivities(dependencies),
    ...schemaActivities(dependencies),
    ...dumpActivities(dependencies),
    ...loadActivities(dependencies),
    ...snapshotActivities(dependencies),
    ...followActivities(dependencies),
    ...cutoverActivities(dependencies),
    ...verifyActivities(dependencies),
    ...notifyActivities(dependencies),
  };
}

export { checkHooks } from './hook-check.js';
export { resolveServers } from './resolve-servers.js';
export type { ActivityDependencies } from './step.js';
