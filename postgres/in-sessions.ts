/** Work that several sessions of one activity share. */
import { withTarget } from './job.js';
import type { Job } from './job.js';
import type { Session } from './session.js';

/**
 * Does each item in turn, over as many sessions of the target as given. After a failure nothing new begins; it is thrown when
 * all sessions are closed.
 */
export async function inSessions<Item>(
  job: Job,
  { step, sessions, items }: { step: string; sessions: number; items: Item[] },
  work: (target: Session, item: Item) => Promise<void>,
): Promise<void> {
  const waiting = [...items];
  const failures: unknown[] = [];
  const run = () =>
    withTarget(job, step, async (target) => {
      for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(target, item);
    }).catch((error: unknown) => {
      waiting.length = 0;
      failures.push(error);
    });
  await Promise.all(Array.from({ length: Math.min(sessions, items.length) }, run));
  if (failures.length > 0) throw failures[0];
}
