/** pgcopydb, the peer: `clone` with as many jobs, and with the settings that it has by itself. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { askTool, isExecutable, runClientTool, uriOf } from './client-tool.js';
import { JOBS } from './subject.js';
import type { Arena, Outcome, Subject } from './subject.js';

export const pgcopydb: Subject = {
  name: 'pgcopydb',
  absence: absenceOfPgcopydb,
  prepare: async (arena) => ({ go: () => clone(arena, []) }),
};

// Makes eight parts or so of the set's one table: enough for both jobs to end at about the same time.
const SPLIT_LARGER_THAN = '128MB';

/** Several parts of one table at the same time: makes a difference only where there is one large table. */
export const pgcopydbSplit: Subject = {
  name: 'pgcopydb-split',
  dataSets: ['single'],
  absence: absenceOfPgcopydb,
  prepare: async (arena) => ({ go: () => clone(arena, ['--split-tables-larger-than', SPLIT_LARGER_THAN]) }),
};

async function clone(arena: Arena, options: string[]): Promise<Outcome> {
  const { source, target, folder } = arena;
  const binary = findPgcopydb();
  if (binary === undefined) throw new Error('pgcopydb is gone');
  const work = join(folder, 'pgcopydb');
  await runClientTool(arena, {
    file: binary,
    args: [
      ...['clone', '--fail-fast', '--source', uriOf(source), '--target', uriOf(target), '--dir', work],
      ...['--table-jobs', String(JOBS), '--index-jobs', String(JOBS), ...options],
    ],
    // Its locks and queues are found by these; two runs at the same time must not meet.
    env: { TMPDIR: folder, HOME: folder, XDG_DATA_HOME: folder },
  });
  return {};
}

/** PGCOPYDB, else in PATH. */
export function findPgcopydb(): string | undefined {
  const given = process.env['PGCOPYDB'];
  if (given) return existsSync(given) ? given : undefined;
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, 'pgcopydb'))
    .find((file) => existsSync(file));
}

async function absenceOfPgcopydb(): Promise<string | undefined> {
  const binary = findPgcopydb();
  if (binary !== undefined && (await isExecutable(binary))) return undefined;
  const given = process.env['PGCOPYDB'];
  return given
    ? `PGCOPYDB names ${given}, which cannot be run`
    : 'pgcopydb was not found in PATH: install it, or set PGCOPYDB to its file';
}

/** Name and version; undefined where it is absent. */
export async function describePgcopydb(): Promise<string | undefined> {
  const binary = findPgcopydb();
  if (binary === undefined || !(await isExecutable(binary))) return undefined;
  const said = await askTool(binary, ['--version']);
  return `pgcopydb ${/pgcopydb version (\S+)/.exec(said ?? '')?.[1] ?? 'of an unknown version'}`;
}
