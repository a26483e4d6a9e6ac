import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const pendingEnds = new Set<() => void>();
let installed = false;

/**
 * Runs `end` (synchronous) when this process exits, by itself or by SIGINT, SIGTERM or SIGHUP.
 * Returns a function that takes the registration back.
 */
export function endWithProcess(end: () => void): () => void {
  if (!installed) installHandlers();
  pendingEnds.add(end);
  return () => pendingEnds.delete(end);
}

function installHandlers(): void {
  installed = true;
  process.on('exit', runEnds);
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      // Another listener (a Temporal worker, the demo) shuts down in its own order, then exits: wait for that.
      if (process.listenerCount(signal) === 1) process.exit(128 + constants.signals[signal]);
    });
  }
}

function runEnds(): void {
  for (const end of pendingEnds) {
    try {
      end();
    } catch {
      // The others must be ended too.
    }
  }
  pendingEnds.clear();
}
