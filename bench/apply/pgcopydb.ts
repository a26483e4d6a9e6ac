/** pgcopydb, the peer, with the settings that it has by itself: `clone --follow`, interrupted and resumed. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Belongings } from '../../dev/belongings.js';
import { runClientTool, uriOf } from '../load/client-tool.js';
import { findPgcopydb, pgcopydb as cloningAlone } from '../load/pgcopydb.js';
import { query } from '../load/sql.js';
import { JOBS } from '../load/subject.js';
import type { Arena } from '../load/subject.js';
import type { ApplySubject, Replica } from './subject.js';

export const pgcopydb: ApplySubject = {
  name: 'pgcopydb',
  ...(cloningAlone.absence && { absence: cloningAlone.absence }),
  prepare: follow,
};

async function follow(arena: Arena): Promise<Replica> {
  // Of the first command alone: it is ended before the backlog is written.
  const first = new Belongings();
  await arena.belongings.open(
    async () => first,
    (all) => all.closeAll(),
  );
  const cloning = runPgcopydb({ ...arena, belongings: first }, []);
  cloning.catch(() => undefined);
  await Promise.race([untilFollowed(arena), cloning]);
  return {
    hold: async () => {
      for (const failure of await first.closeAll()) throw failure;
    },
    letGo: () => runPgcopydb(arena, ['--resume', '--not-consistent']),
  };
}

const LOOK_EVERY_MS = 100;

/** It connects for this when the copy is over. */
const APPLIES_SQL = `
  SELECT FROM pg_stat_activity
  WHERE datname = current_database() AND application_name LIKE 'pgcopydb% follow apply' AND state = 'idle'`;

async function untilFollowed({ target, signal }: Arena): Promise<void> {
  while ((await query(target, APPLIES_SQL)).length === 0) await sleep(LOOK_EVERY_MS, undefined, { signal });
}

async function runPgcopydb(arena: Arena, options: string[]): Promise<void> {
  const { source, target, folder } = arena;
  const file = findPgcopydb();
  if (file === undefined) throw new Error('pgcopydb is gone');
  await runClientTool(arena, {
    file,
    args: [
      ...['clone', '--follow', '--dir', join(folder, 'pgcopydb')],
      ...['--table-jobs', String(JOBS), '--index-jobs', String(JOBS)],
      ...options,
    ],
    env: {
      PGCOPYDB_SOURCE_PGURI: uriOf(source),
      PGCOPYDB_TARGET_PGURI: uriOf(target),
      ...{ TMPDIR: folder, HOME: folder, XDG_DATA_HOME: folder },
    },
  });
}
