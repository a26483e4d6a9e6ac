import { setTimeout as sleep } from 'node:timers/promises';

/** Waits, but ends at once, and without an error, when `stopping` is aborted. */
export async function pause(milliseconds: number, stopping: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal: stopping }).catch(() => undefined);
}
