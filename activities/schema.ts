/** dump and restore of the schema. */
import type { Activities } from '../contract/activities.js';
import { dumpSchema } from '../postgres/schema/dump-schema.js';
import { restorePostData, restorePreData } from '../postgres/schema/restore-section.js';
import { step } from './step.js';
import type { ActivityDependencies } from './step.js';

export function schemaActivities(
  dependencies: ActivityDependencies,
): Pick<Activities, 'dumpSchema' | 'restorePreData' | 'restorePostData'> {
  return {
    dumpSchema: step(dependencies, 'dump the schema', (job) => dumpSchema(job)),
    restorePreData: step(dependencies, 'restore the schema', (job) => restorePreData(job)),
    restorePostData: step(dependencies, 'restore triggers, rules and the rest', (job) =>
      restorePostData(job),
    ),
  };
}
