/** Works on items, in order, so many at a time as the pace allows at each moment. */
import { CancellationScope, condition } from '@temporalio/workflow';
import { asError } from './as-error.js';

export interface Pace {
  atOnce: () => number;
  /** While it is not, what runs goes on and nothing new begins. */
  isOpen: () => boolean;
}

/** The first error starts no more and cancels what runs; then it is thrown. */
export async function forEachOf<Item>(
  items: Item[],
  pace: Pace,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const scope = new CancellationScope();
  let running = 0;
  let failure: Error | undefined;
  const fail = (error: unknown) => {
    failure ??= asError(error);
    scope.cancel();
  };
  const begin = (item: Item) => {
    running += 1;
    return work(item)
      .catch(fail)
      .finally(() => {
        running -= 1;
      });
  };
  await scope.run(async () => {
    const begun: Promise<void>[] = [];
    try {
      for (const item of items) {
        await condition(() => failure !== undefined || (pace.isOpen() && running < pace.atOnce()));
        if (failure) break;
        begun.push(begin(item));
      }
    } catch (error) {
      // From outside: the whole stage was cancelled.
      fail(error);
    }
    await Promise.all(begun);
  });
  if (failure) throw failure;
}
