/** What validate finds of the hooks: whether this worker could call them. Nothing is sent. */
import type { Spec } from '../contract/spec.js';
import type { Finding } from '../contract/state.js';
import { PgtrekError } from '../contract/errors.js';
import { findProgram } from './notify-command.js';
import type { ActivityDependencies } from './step.js';

export async function checkHooks(
  { resolveSecret, hooksDir }: Pick<ActivityDependencies, 'resolveSecret' | 'hooksDir'>,
  { notify }: Spec,
): Promise<Finding[]> {
  const secret = notify?.webhook?.secret;
  const program = notify?.command?.run[0];
  return [
    ...(secret ? [await check('notify.secret', 'notify.webhook', () => resolveSecret(secret))] : []),
    ...(program
      ? [await check('notify.command', 'notify.command', () => findProgram(hooksDir, program))]
      : []),
  ];
}

async function check(id: string, scope: string, look: () => Promise<string>): Promise<Finding> {
  try {
    await look();
    return { id, scope, verdict: 'ok', why: 'the worker has what the hook needs' };
  } catch (error) {
    if (!(error instanceof PgtrekError)) throw error;
    const { message, remedy } = error;
    return { id, scope, verdict: 'block', why: message, ...(remedy === undefined ? {} : { remedy }) };
  }
}
