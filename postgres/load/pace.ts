/** Keeps a stream to a rate: bytes are let through when their time has come, and nothing is stored meanwhile. */

/** Unused time counts for so long: a pause must not be followed by a burst. */
const CREDIT_MS = 1_000;

export class Pace {
  private readonly bytesPerSecond: number;
  private readonly now: () => number;
  private due: number;

  constructor(bytesPerSecond: number, now: () => number = Date.now) {
    this.bytesPerSecond = bytesPerSecond;
    this.now = now;
    this.due = now();
  }

  /** Milliseconds to wait before these bytes may pass; 0 or less: none. */
  next(bytes: number): number {
    this.due = Math.max(this.due, this.now() - CREDIT_MS) + (bytes / this.bytesPerSecond) * 1_000;
    return this.due - this.now();
  }
}
