/** cutover: from the fence to its release, and the lanes that are not needed any more. */
import type { Activities } from '../contract/activities.js';
import { closeLanes } from '../postgres/cutover/close-lanes.js';
import { cutOver } from '../postgres/cutover/cut-over.js';
import { createHooks } from './cutover-hooks.js';
import { step } from './step.js';
import type { ActivityDependencies } from './step.js';
import { triedAgain } from './tried-again.js';

type CutoverActivities = Pick<Activities, 'cutOver' | 'closeLanes'>;

export function cutoverActivities(dependencies: ActivityDependencies): CutoverActivities {
  return {
    cutOver: step(dependencies, 'cut over', (job, { run: _run, direction = 'forward', ...asked }, report) =>
      cutOver(job, {
        ...asked,
        hooks: createHooks(dependencies, job, { marker: asked.marker.marker, direction }),
        onStep: (text) => report({ kind: 'step', text }),
      }),
    ),
    closeLanes: step(dependencies, 'remove lanes', async (job, { lanes }) =>
      triedAgain(await closeLanes(job, lanes)),
    ),
  };
}
