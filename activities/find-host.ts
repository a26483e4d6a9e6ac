/** Which worker hosts answer: told by the identities of those that poll the shared task queue. */
import { activityInfo, getClient } from '@temporalio/activity';
import { hostIdOf, hostQueue } from '../contract/names.js';

/** Of a task queue, as the API numbers them: workflows 1, activities 2. */
const ACTIVITIES = 2;

/**
 * A poll waits for 60 s at the server, which notes its beginning and its end: an idle worker was last seen up to 60 s
 * ago. A dead one is remembered for 5 minutes; with this it counts for one only, so that who goes there must not wait long.
 */
const SEEN_WITHIN_MS = 65_000;

/**
 * The queue of a host that takes activities from the shared queue: this one's own, or of another than `not` where one
 * was seen lately. Called inside an activity on the shared queue.
 */
export async function findHost(own: string, not: string | undefined): Promise<string> {
  if (not === undefined || not !== own) return own;
  const { taskQueue } = activityInfo();
  // Another host is a gain, not a need: a server that does not tell leaves this one.
  const pollers = await readPollers(taskQueue).catch(() => []);
  const others = pollers
    .flatMap(({ identity, seen }) => {
      const hostId = hostIdOf(identity);
      return hostId === undefined ? [] : [{ queue: hostQueue(taskQueue, hostId), seen }];
    })
    .filter(({ queue, seen }) => queue !== not && Date.now() - seen < SEEN_WITHIN_MS)
    .sort((a, b) => b.seen - a.seen);
  return others[0]?.queue ?? own;
}

interface Poller {
  identity: string;
  /** Milliseconds since 1970, on Temporal's clock. */
  seen: number;
}

async function readPollers(taskQueue: string): Promise<Poller[]> {
  const { connection, options } = getClient();
  const { pollers } = await connection.workflowService.describeTaskQueue({
    namespace: options.namespace,
    taskQueue: { name: taskQueue },
    taskQueueType: ACTIVITIES,
  });
  return (pollers ?? []).map(({ identity, lastAccessTime }) => ({
    identity: identity ?? '',
    seen: Number(lastAccessTime?.seconds ?? 0) * 1000,
  }));
}
