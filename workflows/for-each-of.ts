/** Works on items, in order, at most so many at a time. */
import { CancellationScope } from '@temporalio/workflow';

/** The first error starts no more and cancels what runs; then it is thrown. */
export async function forEachOf<Item>(
  items: Item[],
  atOnce: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const waiting = [...items];
  const scope = new CancellationScope();
  await scope.run(async () => {
    const worker = async () => {
      for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
    };
    try {
      await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
    } catch (error) {
      waiting.length = 0;
      scope.cancel();
      throw error;
    }
  });
}
