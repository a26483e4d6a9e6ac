/** Waits for a condition on a server, with a deadline: never for a fixed time. */
import { setTimeout as delay } from 'node:timers/promises';

export interface Deadline {
  seconds: number;
  /** Milliseconds between looks. @default 50 */
  every?: number;
  signal?: AbortSignal | undefined;
}

/** True as soon as the condition holds, false when the deadline passed. */
export async function waitUntil(deadline: Deadline, condition: () => Promise<boolean>): Promise<boolean> {
  const end = Date.now() + deadline.seconds * 1000;
  for (;;) {
    deadline.signal?.throwIfAborted();
    if (await condition()) return true;
    if (Date.now() >= end) return false;
    await delay(deadline.every ?? 50);
  }
}
