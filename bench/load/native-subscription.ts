/** What many write by hand: the schema first, then a subscription that copies the rows. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterConnection } from '../../dev/cluster.js';
import { Phases } from './phases.js';
import { dumpSchema, restorePostData, restorePreData, restoreSchema } from './schema-archive.js';
import { query } from './sql.js';
import type { Arena, Outcome, Subject } from './subject.js';

/** Onto the whole schema: every row meets all indexes and keys. */
export const nativeSubscription: Subject = {
  name: 'native-subscription',
  prepare: async (arena) => ({
    go: async () => {
      const phases = new Phases();
      await phases.time('schema', async () => {
        await dumpSchema(arena);
        await restoreSchema(arena);
      });
      await phases.time('copy', () => copyBySubscription(arena, 'copy_data = true'));
      await phases.time('analyze', () => query(arena.target, 'ANALYZE'));
      return { phases: phases.seconds() };
    },
  }),
};

/** Onto bare tables, in binary; indexes and keys by pg_restore when the rows are there. */
export const nativeSubscriptionIndexesAfter: Subject = {
  name: 'native-subscription-indexes-after',
  prepare: async (arena) => ({ go: () => indexesAfter(arena) }),
};

async function indexesAfter(arena: Arena): Promise<Outcome> {
  const phases = new Phases();
  await phases.time('schema', async () => {
    await dumpSchema(arena);
    await restorePreData(arena);
  });
  const options = `copy_data = true${(await copiesBinary(arena)) ? ', binary = true' : ''}`;
  await phases.time('copy', () => copyBySubscription(arena, options));
  await phases.time('indexes', () => restorePostData(arena));
  await phases.time('analyze', () => query(arena.target, 'ANALYZE'));
  return { phases: phases.seconds() };
}

/** Before 16 a subscription's first copy is text, whatever binary says, but the changes would have to be binary. */
async function copiesBinary({ target }: Arena): Promise<boolean> {
  const [row] = await query<{ isNewer: boolean }>(
    target,
    `SELECT current_setting('server_version_num')::int >= 160000 AS "isNewer"`,
  );
  return row?.isNewer ?? false;
}

export async function copyBySubscription(arena: Arena, options: string): Promise<void> {
  await query(arena.source, 'CREATE PUBLICATION bench FOR ALL TABLES');
  await query(arena.target, subscriptionSql(arena.source, options));
  await untilCopied(arena);
}

function subscriptionSql(
  { host, port, user, password, database }: ClusterConnection,
  options: string,
): string {
  const conninfo = `host=${host} port=${port} user=${user} password=${password} dbname=${database}`;
  return `CREATE SUBSCRIPTION bench CONNECTION '${conninfo}' PUBLICATION bench WITH (${options})`;
}

const LOOK_EVERY_MS = 100;

const NOT_READY_SQL = `SELECT count(*)::int AS tables FROM pg_subscription_rel WHERE srsubstate <> 'r'`;

async function untilCopied({ target, signal }: Arena): Promise<void> {
  for (;;) {
    const [row] = await query<{ tables: number }>(target, NOT_READY_SQL);
    if (row?.tables === 0) return;
    await sleep(LOOK_EVERY_MS, undefined, { signal });
  }
}
