/** Workers one after the other: each dies at its fault, and the last one, which has none, brings it to the end. */
import { startWorker } from './worker.js';
import type { TestWorker, WorkerWorld } from './worker.js';

export interface Succession {
  /** Those of the faults that no worker has died at: none, when the migration has ended. */
  left: () => string[];
  /** Whoever is alive. */
  stop: () => Promise<void>;
}

/** Resolves when the first one polls. A fault's `#n` counts what its own worker has done. */
export async function startSuccession(
  world: WorkerWorld,
  { taskQueue, faults }: { taskQueue: string; faults: readonly string[] },
): Promise<Succession> {
  let deaths = 0;
  let isOver = false;
  let successor: Promise<TestWorker>;
  const start = async (): Promise<TestWorker> => {
    const fault = faults[deaths];
    const worker = await startWorker(world, { taskQueue, ...(fault ? { fault } : {}) });
    if (fault) {
      void worker.ended.then(() => {
        if (isOver) return;
        deaths += 1;
        successor = start();
      });
    }
    return worker;
  };
  successor = start();
  await successor;
  return {
    left: () => faults.slice(deaths),
    async stop() {
      isOver = true;
      const worker = await successor;
      worker.kill('SIGKILL');
      await worker.ended;
    },
  };
}
