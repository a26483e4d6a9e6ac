/** validate: checks and completes the spec for callers without our client, then looks at both servers. */
import { Context } from '@temporalio/activity';
import type { Activities } from '../contract/activities.js';
import { PgtrekError } from '../contract/errors.js';
import { packageVersion } from '../contract/package-version.js';
import { parseSpec } from '../contract/spec.js';
import { toPgtrekError } from '../postgres/classify-error.js';
import { validateServers } from '../postgres/validate/index.js';
import { rehearse } from '../postgres/validate/rehearse.js';
import { checkHooks } from './hook-check.js';
import { runStep, step, toFailure } from './step.js';
import type { ActivityDependencies } from './step.js';

export function validateActivities(
  dependencies: ActivityDependencies,
): Pick<Activities, 'validate' | 'rehearse'> {
  return {
    async validate({ input, owner }) {
      const spec = checkSpec(input);
      const { findings, estimates } = await runStep(dependencies, 'validate both servers', spec, (job) =>
        validateServers({ spec, servers: job.servers, owner, signal: Context.current().cancellationSignal }),
      );
      return {
        spec,
        findings: [...findings, ...(await checkHooks(dependencies, spec))],
        estimates,
        pgtrek: packageVersion(),
      };
    },
    rehearse: step(dependencies, 'rehearse the restore', async (job) => ({ findings: await rehearse(job) })),
  };
}

function checkSpec(input: unknown) {
  try {
    return parseSpec(input);
  } catch (error) {
    throw toFailure(
      error instanceof PgtrekError ? error : toPgtrekError(error, { doing: 'read the spec' }),
      [],
    );
  }
}
