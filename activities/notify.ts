/** notify: tells events to a webhook or a command, once a call; who calls repeats it. */
import { Context } from '@temporalio/activity';
import type { Activities, Notification, Run } from '../contract/activities.js';
import { PgtrekError } from '../contract/errors.js';
import type { PasswordReference } from '../contract/spec.js';
import { millisecondsOf } from '../contract/values.js';
import { toPgtrekError } from '../postgres/classify-error.js';
import { runCommand } from './hook-command.js';
import { postWebhook } from './hook-webhook.js';
import { beatWhile } from './step.js';
import type { ActivityDependencies } from './step.js';

export function notifyActivities(dependencies: ActivityDependencies): Pick<Activities, 'notify'> {
  return {
    notify: ({ run, notification }) =>
      beatWhile(`tell the ${notification.hook}`, async (secrets) => {
        const { webhook, command } = run.spec.notify ?? {};
        const message = { body: bodyOf(run, notification), key: keyOf(run, notification) };
        const signal = Context.current().cancellationSignal;
        if (notification.hook === 'webhook' && webhook) {
          const secret = webhook.secret && (await resolveLater(dependencies, webhook.secret));
          if (secret) secrets.push(secret);
          await postWebhook({ ...message, url: webhook.url, secret, timeoutMs: spanOf(webhook), signal });
        }
        if (notification.hook === 'command' && command) {
          const { hooksDir } = dependencies;
          await runCommand({ ...message, run: command.run, hooksDir, timeoutMs: spanOf(command), signal });
        }
      }),
  };
}

/** What is not there yet may be there at the next attempt: a worker that lacks it is about to be mended. */
async function resolveLater(
  { resolveSecret }: ActivityDependencies,
  reference: PasswordReference,
): Promise<string> {
  try {
    return await resolveSecret(reference);
  } catch (error) {
    const { code, message, object, remedy } = toPgtrekError(error, { doing: 'resolve the secret' });
    throw new PgtrekError(code, message, {
      ...(object === undefined ? {} : { object }),
      ...(remedy === undefined ? {} : { remedy }),
      retryable: true,
    });
  }
}

/** The spec is checked: it has a span. */
function spanOf({ timeout }: { timeout: string }): number {
  return millisecondsOf(timeout) ?? 0;
}

function bodyOf({ name, owner }: Run, { events, missed, state }: Notification): string {
  const { workflowId } = Context.current().info.workflowExecution ?? {};
  return JSON.stringify({
    version: 1,
    migration: name,
    owner,
    workflowId,
    events,
    ...(missed ? { missed } : {}),
    state,
  });
}

/** The same for a repetition, so that the receiver can drop it. */
function keyOf({ owner }: Run, { events }: Notification): string {
  return `${owner}:${String(events[0]?.n)}-${String(events.at(-1)?.n)}`;
}
