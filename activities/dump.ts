/** The dump method: files on the disk of one worker host, so all but findHost run on that host's own queue. */
import type { Activities } from '../contract/activities.js';
import { discardDump, dumpData } from '../postgres/schema/dump-data.js';
import { restoreData } from '../postgres/schema/restore-data.js';
import { findHost } from './find-host.js';
import { step } from './step.js';
import type { ActivityDependencies } from './step.js';

export function dumpActivities(
  dependencies: ActivityDependencies,
): Pick<Activities, 'findHost' | 'dumpDatabase' | 'restoreData' | 'discardDump'> {
  return {
    findHost: async ({ not }) => ({ queue: await findHost(dependencies.hostQueue, not) }),
    dumpDatabase: step(dependencies, 'dump the data', (job) => dumpData(job)),
    restoreData: step(dependencies, 'restore the data', (job, { lane, dump }) =>
      restoreData(job, lane, dump),
    ),
    discardDump: step(dependencies, 'remove the dump files', (job) => discardDump(job)),
  };
}
