/** How long something may last: its sessions are bound to the signal, and end with it. */
export class Guard {
  private readonly controller = new AbortController();
  private readonly timers: NodeJS.Timeout[] = [];
  private readonly onOuter = () => this.end('it was cancelled');
  private readonly outer: AbortSignal | undefined;
  /** Why it ended, for people. */
  why: string | undefined;

  constructor(outer?: AbortSignal) {
    this.outer = outer;
    if (outer?.aborted) this.onOuter();
    else outer?.addEventListener('abort', this.onOuter, { once: true });
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  endAfter(ms: number, why: string): void {
    this.timers.push(setTimeout(() => this.end(why), ms));
  }

  /** From here on nothing ends it. */
  lift(): void {
    for (const timer of this.timers) clearTimeout(timer);
    this.outer?.removeEventListener('abort', this.onOuter);
  }

  private end(why: string): void {
    this.why ??= why;
    this.controller.abort(new Error(why));
  }
}
