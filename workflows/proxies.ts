/** How activities are called: every timeout and retry, with its reason. */
import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow';
import type { ActivityInterfaceFor, ActivityOptions } from '@temporalio/workflow';
import type { Activities } from '../contract/activities.js';

/** What cannot pass on its own comes back as non-retryable; the rest is tried until it passes or is cancelled. */
const FOREVER: NonNullable<ActivityOptions['retry']> = {
  initialInterval: '1s',
  backoffCoefficient: 2,
  maximumInterval: '30s',
};

/** For what has a time to keep, or somebody who waits: back soon after an outage, however long it was. */
const SOON: NonNullable<ActivityOptions['retry']> = { ...FOREVER, maximumInterval: '5s' };

/** Every activity beats once a second. 20 s ride out a short outage of Temporal without a second attempt. */
const STEP: ActivityOptions = {
  // Copying one table may take days; a hanging attempt is found by its heartbeat, not by this.
  startToCloseTimeout: '60d',
  heartbeatTimeout: '20s',
  retry: FOREVER,
  // The workflow goes on at once; the activity hears of it by its next heartbeat and ends its statements.
  cancellationType: ActivityCancellationType.TRY_CANCEL,
};

export function step(summary: string): ActivityInterfaceFor<Activities> {
  return proxyActivities<Activities>({ ...STEP, summary });
}

/** Before a cutover: when it cannot be had soon, the cutover is not begun, and nothing was lost. */
export function preparation(summary: string): ActivityInterfaceFor<Activities> {
  return proxyActivities<Activities>({ ...STEP, scheduleToCloseTimeout: '10m', summary });
}

/** Somebody waits for the answer: a server that is away is told instead of waited for. */
export function glance(summary: string): ActivityInterfaceFor<Activities> {
  return proxyActivities<Activities>({
    ...STEP,
    scheduleToCloseTimeout: '8s',
    retry: { initialInterval: '500ms', maximumAttempts: 3 },
    summary,
  });
}

/** Whose death must be seen soon: the watcher, the wait at the marker. */
export function vigil(summary: string): ActivityInterfaceFor<Activities> {
  return proxyActivities<Activities>({ ...STEP, heartbeatTimeout: '10s', retry: SOON, summary });
}

/**
 * The snapshot dies with its holder: a second attempt could only find it gone. Its loss costs the whole copy, so Temporal
 * may be away for a minute; that the holder has died, the steps that copy find out sooner by themselves.
 */
export function keeper(summary: string, host?: string): ActivityInterfaceFor<Activities> {
  return proxyActivities<Activities>({
    ...STEP,
    // One that has just gone away must not keep the second keeper waiting; another is looked for then.
    ...(host === undefined ? {} : { taskQueue: host, scheduleToStartTimeout: '20s' }),
    heartbeatTimeout: '60s',
    retry: { maximumAttempts: 1 },
    summary,
  });
}

/** A marker that is being committed must be known as committed or not before the plan changes. */
export function marking(summary: string): ActivityInterfaceFor<Activities> {
  return proxyActivities<Activities>({
    ...STEP,
    heartbeatTimeout: '10s',
    retry: SOON,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    summary,
  });
}

/** On one host's own queue. Its worker may be restarting; after 15 minutes the host and its disk count as gone. */
export function onHost(queue: string, summary: string): ActivityInterfaceFor<Activities> {
  return proxyActivities<Activities>({ ...STEP, taskQueue: queue, scheduleToStartTimeout: '15m', summary });
}

/** A host that is gone cannot remove its files; nobody waits long for it. */
export function onHostCleanup(queue: string): ActivityInterfaceFor<Activities> {
  return proxyActivities<Activities>({
    ...STEP,
    taskQueue: queue,
    scheduleToStartTimeout: '30s',
    retry: { maximumAttempts: 3 },
    summary: 'remove the dump files',
  });
}

/** A receiver that is down is tried for a day; at the end of the migration, which waits for it, for as long as that lets it. */
export function hook(summary: string): ActivityInterfaceFor<Activities> {
  return proxyActivities<Activities>({
    ...STEP,
    scheduleToCloseTimeout: '1 day',
    retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '5m' },
    summary,
  });
}

/** Bounded: a clean-up that can never succeed must not keep a cancelled workflow open for ever. */
export function cleanup(summary: string): ActivityInterfaceFor<Activities> {
  return proxyActivities<Activities>({
    ...STEP,
    retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '10s', maximumAttempts: 8 },
    summary,
  });
}
