/** What many write by hand: the whole schema first, then a subscription that copies the rows. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterConnection } from '../../dev/cluster.js';
import { runClientTool } from './client-tool.js';
import { query } from './sql.js';
import type { Arena, Subject } from './subject.js';

export const nativeSubscription: Subject = {
  name: 'native-subscription',
  prepare: async (arena) => ({
    go: async () => {
      await restoreWholeSchema(arena);
      await query(arena.source, 'CREATE PUBLICATION bench FOR ALL TABLES');
      await query(arena.target, subscriptionSql(arena.source));
      await untilCopied(arena);
      await query(arena.target, 'ANALYZE');
    },
  }),
};

async function restoreWholeSchema(arena: Arena): Promise<void> {
  const { source, target, tools } = arena;
  const file = join(arena.folder, 'schema.dump');
  const dumpArgs = ['--schema-only', '--format=custom', `--file=${file}`];
  await runClientTool(arena, { file: tools.pgDump, args: dumpArgs, connection: source });
  const restoreArgs = ['--exit-on-error', `--dbname=${target.database}`, file];
  await runClientTool(arena, { file: tools.pgRestore, args: restoreArgs, connection: target });
}

function subscriptionSql({ host, port, user, password, database }: ClusterConnection): string {
  const conninfo = `host=${host} port=${port} user=${user} password=${password} dbname=${database}`;
  return `CREATE SUBSCRIPTION bench CONNECTION '${conninfo}' PUBLICATION bench WITH (copy_data = true)`;
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
