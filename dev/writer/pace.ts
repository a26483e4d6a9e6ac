import { pause } from './pause.js';

// What was missed in a longer outage is not made up for, as a burst would distort what a test measures.
const LONGEST_CATCH_UP_MS = 1_000;

/** Turns at fixed points in time: a slow transaction or a late timer does not shift those that follow. */
export class Pace {
  readonly #everyMs: number;
  #next: number;

  constructor({ everyMs, offset }: { everyMs: number; offset: number }) {
    this.#everyMs = everyMs;
    this.#next = performance.now() + everyMs * offset;
  }

  async waitForTurn(stopping: AbortSignal): Promise<void> {
    if (this.#everyMs === 0) return;
    const ahead = this.#next - performance.now();
    if (ahead >= 1) await pause(ahead, stopping);
    if (ahead < -LONGEST_CATCH_UP_MS) this.#next -= ahead;
    this.#next += this.#everyMs;
  }
}
