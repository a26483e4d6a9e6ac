export interface WriterReport {
  /** Transactions whose commit was acknowledged. */
  committed: number;
  /** Attempts that ended with an error. One whose connection broke may have been committed all the same. */
  failed: number;
  /** Commits a second since the start. */
  perSecond: number;
  /** The last few, oldest first. */
  errors: string[];
}

const KEPT_ERRORS = 5;

/** What all workers of one writer did together. */
export class Tally {
  committed = 0;
  #failed = 0;
  readonly #errors: string[] = [];
  readonly #startedAt = performance.now();
  #endedAt: number | undefined;

  fail(error: unknown): void {
    this.#failed += 1;
    this.#errors.push(error instanceof Error ? error.message || error.name : String(error));
    if (this.#errors.length > KEPT_ERRORS) this.#errors.shift();
  }

  end(): void {
    this.#endedAt ??= performance.now();
  }

  report(): WriterReport {
    const seconds = ((this.#endedAt ?? performance.now()) - this.#startedAt) / 1_000;
    return {
      committed: this.committed,
      failed: this.#failed,
      perSecond: seconds > 0 ? this.committed / seconds : 0,
      errors: [...this.#errors],
    };
  }
}
