/** `pg_dump` into a folder, `pg_restore` from it, then ANALYZE. */
import { join } from 'node:path';
import { runClientTool } from './client-tool.js';
import { query } from './sql.js';
import { JOBS } from './subject.js';
import type { Arena, Subject } from './subject.js';

/** With pg_dump's own choice of compression, gzip. */
export const dumpAndRestore: Subject = {
  name: 'dump-and-restore',
  prepare: async (arena) => ({ go: () => dumpThenRestore(arena, []) }),
};

/** On two cores compression takes most of a dump's time; without it the files are several times as large. */
export const dumpAndRestoreUncompressed: Subject = {
  name: 'dump-and-restore-uncompressed',
  prepare: async (arena) => ({ go: () => dumpThenRestore(arena, ['--compress=0']) }),
};

async function dumpThenRestore(arena: Arena, dumpOptions: string[]): Promise<void> {
  const { source, target, tools } = arena;
  const dump = join(arena.folder, 'dump');
  await runClientTool(arena, {
    file: tools.pgDump,
    args: ['--format=directory', `--jobs=${JOBS}`, ...dumpOptions, `--file=${dump}`],
    connection: source,
  });
  await runClientTool(arena, {
    file: tools.pgRestore,
    args: [`--jobs=${JOBS}`, '--exit-on-error', `--dbname=${target.database}`, dump],
    connection: target,
  });
  await query(target, 'ANALYZE');
}
