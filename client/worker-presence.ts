import { setTimeout as sleep } from 'node:timers/promises';
import { PgtrekError } from '../contract/errors.js';
import { callWithDeadline } from './temporal-link.js';
import type { TemporalLink } from './temporal-link.js';

/** Kinds of a task queue, as the API numbers them. */
const QUEUE_KINDS = { workflows: 1, activities: 2 } as const;

const PRESENCE_DEADLINE_MS = 5_000;
/**
 * A server that was restarted knows no poller until the worker polls again: Temporal's SDK backs off for up to 10 s, give
 * or take a fifth, while the server is away.
 */
const GRACE_MS = 13_000;
/** A worker that was started a moment ago has polled by then. */
const TELL_AFTER_MS = 2_000;
const PAUSE_MS = 200;

/** Told once, after 2 s without a worker: for how long one is still waited for. */
export type OnWait = (wait: { taskQueue: string; forMs: number }) => void;

/**
 * Returns as soon as workers poll the queue for workflows and for activities; throws NO_WORKER when none has within 13 s.
 * The server remembers a poller for about 5 minutes, so a worker that died just now still counts.
 */
export async function requireWorker(link: TemporalLink, taskQueue: string, onWait?: OnWait): Promise<void> {
  const begun = Date.now();
  let isTold = false;
  for (;;) {
    const [workflows, activities] = await Promise.all([
      hasPollers(link, taskQueue, QUEUE_KINDS.workflows),
      hasPollers(link, taskQueue, QUEUE_KINDS.activities),
    ]);
    if (workflows && activities) return;
    const waited = Date.now() - begun;
    if (waited >= GRACE_MS) {
      const missing = workflows ? ' for activities' : activities ? ' for workflows' : '';
      throw noWorker(link, { taskQueue, what: `No worker polls task queue "${taskQueue}"${missing}` });
    }
    if (waited >= TELL_AFTER_MS && !isTold) {
      isTold = true;
      onWait?.({ taskQueue, forMs: GRACE_MS - waited });
    }
    await sleep(PAUSE_MS);
  }
}

/** NO_WORKER, with how to start one. `what` ends without a full stop. */
export function noWorker(
  link: TemporalLink,
  facts: { taskQueue: string; what: string; cause?: unknown },
): PgtrekError {
  const message = `${facts.what} (namespace ${link.namespace} of ${link.address}).`;
  return new PgtrekError('NO_WORKER', message, {
    object: facts.taskQueue,
    remedy: `Start one where both databases can be reached: pgtrek worker --task-queue ${facts.taskQueue}`,
    retryable: true,
    cause: facts.cause,
  });
}

async function hasPollers(link: TemporalLink, taskQueue: string, taskQueueType: 1 | 2): Promise<boolean> {
  const answer = await callWithDeadline(
    link,
    () =>
      link.connection.workflowService.describeTaskQueue({
        namespace: link.namespace,
        taskQueue: { name: taskQueue },
        taskQueueType,
      }),
    PRESENCE_DEADLINE_MS,
  );
  return (answer.pollers ?? []).length > 0;
}
