/** One subscription, made by hand: as the target's server makes it without options, and with binary values. */
import { copyBySubscription } from '../load/native-subscription.js';
import { dumpSchema, restoreSchema } from '../load/schema-archive.js';
import { query } from '../load/sql.js';
import type { Arena } from '../load/subject.js';
import type { ApplySubject, Replica } from './subject.js';

export const native: ApplySubject = {
  name: 'native',
  prepare: (arena) => subscribe(arena, 'copy_data = true'),
};

/** Faster, and not safe while tables change: see docs/performance.md. */
export const nativeBinary: ApplySubject = {
  name: 'native-binary',
  prepare: (arena) => subscribe(arena, 'copy_data = true, binary = true, streaming = on'),
};

async function subscribe(arena: Arena, options: string): Promise<Replica> {
  await dumpSchema(arena);
  await restoreSchema(arena);
  await copyBySubscription(arena, options);
  return {
    hold: async () => {
      await query(arena.target, 'ALTER SUBSCRIPTION bench DISABLE');
    },
    letGo: () => query(arena.target, 'ALTER SUBSCRIPTION bench ENABLE'),
  };
}
