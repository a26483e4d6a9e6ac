/** verify: both databases, compared inside both servers. */
import type { Activities } from '../contract/activities.js';
import { verifyContent } from '../postgres/verify/verify-content.js';
import { step } from './step.js';
import type { ActivityDependencies } from './step.js';

export function verifyActivities(dependencies: ActivityDependencies): Pick<Activities, 'verifyContent'> {
  return {
    verifyContent: step(dependencies, 'compare both databases', (job, { run: _run, ...asked }, report) =>
      verifyContent(job, { ...asked, onStep: (text) => report({ kind: 'step', text }) }),
    ),
  };
}
