import { setTimeout as sleep } from 'node:timers/promises';

/** Asks `condition` every 25 ms until it holds (true) or the deadline has passed (false). */
export async function waitUntil(
  condition: () => Promise<boolean>,
  { deadlineMs }: { deadlineMs: number },
): Promise<boolean> {
  const deadline = Date.now() + deadlineMs;
  while (!(await condition())) {
    if (Date.now() >= deadline) return false;
    await sleep(25);
  }
  return true;
}
