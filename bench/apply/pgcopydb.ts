/** pgcopydb, the peer, with the settings that it has by itself: a clone from the snapshot of its slot, then its `follow`. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Belongings } from '../../dev/belongings.js';
import { runClientTool, uriOf } from '../load/client-tool.js';
import { findPgcopydb, pgcopydb as cloning } from '../load/pgcopydb.js';
import { query } from '../load/sql.js';
import { JOBS } from '../load/subject.js';
import type { Arena } from '../load/subject.js';
import type { ApplySubject, Replica } from './subject.js';

export const pgcopydb: ApplySubject = {
  name: 'pgcopydb',
  ...(cloning.absence && { absence: cloning.absence }),
  prepare: cloneFirst,
};

/** As its documents have it: `snapshot --follow` makes the slot, whose snapshot `clone` takes from the same folder. */
async function cloneFirst(arena: Arena): Promise<Replica> {
  const keeper = new Belongings();
  await arena.belongings.open(
    async () => keeper,
    (all) => all.closeAll(),
  );
  const kept = runPgcopydb({ ...arena, belongings: keeper }, ['snapshot', '--follow']);
  kept.catch(() => undefined);
  await Promise.race([untilSlot(arena), kept]);
  await runPgcopydb(arena, ['stream', 'setup', '--resume']);
  await runPgcopydb(arena, [
    ...['clone', '--resume', '--table-jobs', String(JOBS), '--index-jobs', String(JOBS)],
  ]);
  await runPgcopydb(arena, ['stream', 'sentinel', 'set', 'apply']);
  return {
    hold: async () => {
      for (const failure of await keeper.closeAll()) throw failure;
    },
    letGo: () => runPgcopydb(arena, ['follow', '--resume', '--not-consistent']),
  };
}

const LOOK_EVERY_MS = 100;

async function untilSlot({ source, signal }: Arena): Promise<void> {
  const sql = 'SELECT FROM pg_replication_slots WHERE confirmed_flush_lsn IS NOT NULL';
  while ((await query(source, sql)).length === 0) await sleep(LOOK_EVERY_MS, undefined, { signal });
}

async function runPgcopydb(arena: Arena, args: string[]): Promise<void> {
  const { source, target, folder } = arena;
  const file = findPgcopydb();
  if (file === undefined) throw new Error('pgcopydb is gone');
  await runClientTool(arena, {
    file,
    args: [...args, '--dir', join(folder, 'pgcopydb')],
    env: {
      PGCOPYDB_SOURCE_PGURI: uriOf(source),
      PGCOPYDB_TARGET_PGURI: uriOf(target),
      ...{ TMPDIR: folder, HOME: folder, XDG_DATA_HOME: folder },
    },
  });
}
