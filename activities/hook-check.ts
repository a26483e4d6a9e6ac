/** What validate finds of the hooks: whether this worker could call them. No webhook is called, and no program is run. */
import type { CutoverHook, Spec } from '../contract/spec.js';
import type { Finding } from '../contract/state.js';
import { PgtrekError } from '../contract/errors.js';
import { checkPgBouncer } from './cutover-pgbouncer-check.js';
import { findProgram } from './hook-command.js';
import type { ActivityDependencies } from './step.js';

type Worker = Pick<ActivityDependencies, 'resolveSecret' | 'hooksDir'>;

export async function checkHooks(worker: Worker, { notify, cutover }: Spec): Promise<Finding[]> {
  const { resolveSecret, hooksDir } = worker;
  const secret = notify?.webhook?.secret;
  const program = notify?.command?.run[0];
  return [
    ...(secret ? [await check('notify.secret', 'notify.webhook', () => resolveSecret(secret))] : []),
    ...(program
      ? [await check('notify.command', 'notify.command', () => findProgram(hooksDir, program))]
      : []),
    ...(
      await Promise.all(
        cutover.hooks.map((hook, index) => checkCutoverHook(worker, hook, `cutover.hooks ${index + 1}`)),
      )
    ).flat(),
  ];
}

async function checkCutoverHook(
  { resolveSecret, hooksDir }: Worker,
  hook: CutoverHook,
  scope: string,
): Promise<Finding[]> {
  const checkProgram = ({ run }: { run: string[] }) =>
    check('cutover.command', scope, () => findProgram(hooksDir, run[0] ?? ''));
  if ('command' in hook) return [await checkProgram(hook.command)];
  const secret = 'http' in hook ? hook.http.secret : hook.pgbouncer.password;
  let password: string | undefined;
  const findings: Finding[] = [];
  if (secret)
    findings.push(
      await check('cutover.secret', scope, async () => {
        password = await resolveSecret(secret);
      }),
    );
  if ('http' in hook) return findings;
  findings.push(await checkProgram(hook.pgbouncer.retarget));
  if (secret && password === undefined) return findings;
  return [...findings, await checkPgBouncer({ ...hook.pgbouncer, password }, scope)];
}

async function check(id: string, scope: string, look: () => Promise<unknown>): Promise<Finding> {
  try {
    await look();
    return { id, scope, verdict: 'ok', why: 'the worker has what the hook needs' };
  } catch (error) {
    if (!(error instanceof PgtrekError)) throw error;
    const { message, remedy } = error;
    return { id, scope, verdict: 'block', why: message, ...(remedy === undefined ? {} : { remedy }) };
  }
}
