/** Works on what it is given, so many at a time as the pace allows at each moment, beside whatever else goes on. */
import { CancellationScope, condition } from '@temporalio/workflow';
import { asError } from './as-error.js';

export interface Pace {
  atOnce: () => number;
  /** While it is not, what runs goes on and nothing new begins. */
  isOpen: () => boolean;
}

export interface CrewOptions<Item> {
  pace: Pace;
  /** `last`: nothing else waits that could take a place which is free. */
  work: (item: Item, last: boolean) => Promise<void>;
  /** Of an item: the heavier comes first. Absent: in the order in which they were given. */
  weight?: (item: Item) => bigint;
  /** An error after which nothing is worth going on with. Any other sets its item aside. */
  isFatal?: (error: Error) => boolean;
}

export class Crew<Item> {
  private readonly scope = new CancellationScope();
  private readonly ended: Promise<void>;
  private waiting: Item[] = [];
  private running = 0;
  private isClosed = false;
  private readonly failures: Error[] = [];
  private readonly options: CrewOptions<Item>;

  constructor(options: CrewOptions<Item>) {
    this.options = options;
    this.ended = this.scope.run(() => this.attend()).catch((error: unknown) => this.fail(asError(error)));
  }

  give(items: Item[]): void {
    this.waiting.push(...items);
    const { weight } = this.options;
    if (weight) this.waiting.sort((a, b) => (weight(b) > weight(a) ? 1 : weight(b) < weight(a) ? -1 : 0));
  }

  /** What has not begun yet is taken back. */
  take(isTaken: (item: Item) => boolean): void {
    this.waiting = this.waiting.filter((item) => !isTaken(item));
  }

  /** Until all is done; what failed is told when the rest is. Throws the first error. */
  async finish(): Promise<void> {
    this.isClosed = true;
    await this.ended;
    const [first] = this.failures;
    if (first) throw first;
  }

  /** Ends what runs; nothing is thrown. */
  async cancel(): Promise<void> {
    this.scope.cancel();
    await this.ended;
  }

  private async attend(): Promise<void> {
    const begun: Promise<void>[] = [];
    const { pace } = this.options;
    const isFree = () => this.waiting.length > 0 && pace.isOpen() && this.running < pace.atOnce();
    const isOver = () => this.isClosed && this.waiting.length === 0;
    try {
      for (;;) {
        await condition(() => isFree() || isOver());
        const item = this.waiting.shift();
        if (item === undefined) break;
        begun.push(this.begin(item));
      }
    } finally {
      await Promise.all(begun);
    }
  }

  private async begin(item: Item): Promise<void> {
    const { pace, work } = this.options;
    this.running += 1;
    const isLast = this.waiting.length === 0 && this.running < pace.atOnce();
    try {
      await work(item, isLast);
    } catch (error) {
      this.fail(asError(error));
    } finally {
      this.running -= 1;
    }
  }

  /** The fatal one comes first: the others are what its end cancelled. */
  private fail(error: Error): void {
    if (!this.options.isFatal?.(error)) {
      this.failures.push(error);
      return;
    }
    this.failures.unshift(error);
    this.scope.cancel();
  }
}
