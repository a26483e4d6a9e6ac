import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

// npm and tsx pass a signal on that the terminal has sent us already: two within this time are one.
const SAME_SIGNAL_MS = 1_000;

/** For its last words, and its exit code. */
const LAST_MS = 1_000;

export class Interrupted extends Error {
  readonly exitCode: number;

  constructor(signal: (typeof SIGNALS)[number]) {
    super(`interrupted by ${signal}`);
    this.exitCode = 128 + constants.signals[signal];
  }
}

export interface Interrupt {
  /** Rejects with Interrupted at the first signal. */
  happens: Promise<never>;
  /** Signals have their usual effect again. */
  forget: () => void;
}

/** The first Ctrl-C ends the program in order; another one ends it at once (see end-with-process.ts). */
export function catchInterrupt(): Interrupt {
  const { promise, reject } = withRejection();
  let firstAt: number | undefined;
  const handlers = SIGNALS.map((signal) => {
    const handle = () => {
      if (firstAt !== undefined && Date.now() - firstAt > SAME_SIGNAL_MS)
        process.exit(128 + constants.signals[signal]);
      if (firstAt === undefined) process.on('uncaughtException', passLateRetry);
      firstAt ??= Date.now();
      reject(new Interrupted(signal));
    };
    process.on(signal, handle);
    return { signal, handle };
  });
  return {
    happens: promise,
    forget: () => {
      for (const { signal, handle } of handlers) process.off(signal, handle);
      // What the late call has left open must not keep a program alive that has ended.
      if (firstAt !== undefined) setTimeout(() => process.exit(), LAST_MS).unref();
    },
  };
}

/**
 * A call of Temporal's client that waits to be tried again does so after its connection was closed, and throws from its timer,
 * where nobody can catch it. The program is about to end: it must do so in order, with its own exit code.
 */
function passLateRetry(error: Error): void {
  if (error.message === 'Channel has been shut down') return;
  console.error(error);
  process.exit(1);
}

function withRejection(): { promise: Promise<never>; reject: (reason: Error) => void } {
  let reject: (reason: Error) => void = () => undefined;
  const promise = new Promise<never>((_, rejectPromise) => {
    reject = rejectPromise;
  });
  // It may come while nobody waits.
  promise.catch(() => undefined);
  return { promise, reject };
}
