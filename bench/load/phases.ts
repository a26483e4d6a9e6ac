/** Where the time of one run goes. */
export class Phases {
  readonly #seconds = new Map<string, number>();

  /** Adds to what a phase of this name has taken before. */
  async time<T>(name: string, work: () => Promise<T>): Promise<T> {
    const begun = performance.now();
    try {
      return await work();
    } finally {
      const seconds = (performance.now() - begun) / 1_000;
      this.#seconds.set(name, (this.#seconds.get(name) ?? 0) + seconds);
    }
  }

  seconds(): Record<string, number> {
    return Object.fromEntries(this.#seconds);
  }
}
