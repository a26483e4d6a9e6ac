import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

// npm and tsx pass a signal on that the terminal has sent us already: two within this time are one.
const SAME_SIGNAL_MS = 1_000;

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
    },
  };
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
