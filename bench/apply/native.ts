/** One subscription, made by hand: with binary values, and large transactions streamed. */
import { copyBySubscription } from '../load/native-subscription.js';
import { dumpSchema, restoreSchema } from '../load/schema-archive.js';
import { query } from '../load/sql.js';
import type { ApplySubject } from './subject.js';

export const native: ApplySubject = {
  name: 'native',
  prepare: async (arena) => {
    await dumpSchema(arena);
    await restoreSchema(arena);
    await copyBySubscription(arena, 'copy_data = true, binary = true, streaming = on');
    return {
      hold: async () => {
        await query(arena.target, 'ALTER SUBSCRIPTION bench DISABLE');
      },
      letGo: () => query(arena.target, 'ALTER SUBSCRIPTION bench ENABLE'),
    };
  },
};
