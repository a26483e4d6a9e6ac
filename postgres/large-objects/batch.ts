/** How many large objects one transaction takes. */
import type { Session } from '../session.js';

export interface LargeObject {
  oid: number;
  bytes: number;
}

/** As much as a second or so carries; what is staged on the target for one transaction. */
export const BATCH_BYTES = 32 * 1024 * 1024;
const BATCH_OBJECTS = 1_000;

const LOCKS_SQL = `
  SELECT /* pgtrek: read-lock-table */
    current_setting('max_locks_per_transaction')::int
      * (current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int) AS locks`;

/** A new owner, a comment and a removal lock each object until the commit: at most a quarter of the table of locks. */
export async function readBatchSize(target: Session): Promise<number> {
  const { locks } = await target.one<{ locks: number }>(LOCKS_SQL);
  return Math.max(1, Math.min(BATCH_OBJECTS, Math.floor(locks / 4)));
}

/** Keeps the order; an object above BATCH_BYTES is a batch of its own. */
export function cutBatches(objects: LargeObject[], size: number): LargeObject[][] {
  const batches: LargeObject[][] = [];
  let open: LargeObject[] = [];
  let bytes = 0;
  for (const object of objects) {
    if (open.length > 0 && (open.length === size || bytes + object.bytes > BATCH_BYTES)) {
      batches.push(open);
      open = [];
      bytes = 0;
    }
    open.push(object);
    bytes += object.bytes;
  }
  return open.length > 0 ? [...batches, open] : batches;
}
