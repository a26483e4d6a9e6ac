/** Everything that a program started, so that it can be ended in any case: last first. */
export class Belongings {
  readonly #ends: (() => Promise<void>)[] = [];
  #isClosed = false;

  /** What is still opening when the program is interrupted is awaited and then closed too. */
  open<T>(open: () => Promise<T>, close: (thing: T) => Promise<unknown>): Promise<T> {
    if (this.#isClosed) return Promise.reject(new Error('everything is being ended'));
    const opening = open();
    this.#ends.push(async () => {
      const opened = await opening.then(
        (thing) => ({ thing }),
        () => undefined,
      );
      if (opened) await close(opened.thing);
    });
    return opening;
  }

  /** For work that leaves nothing to close, but must not be cut off in the middle. */
  await<T>(work: () => Promise<T>): Promise<T> {
    return this.open(work, async () => undefined);
  }

  /** Returns what could not be ended. */
  async closeAll(): Promise<unknown[]> {
    this.#isClosed = true;
    const failures: unknown[] = [];
    for (let end = this.#ends.pop(); end; end = this.#ends.pop()) {
      await end().catch((error: unknown) => failures.push(error));
    }
    return failures;
  }
}
