/** `pg_dump` into a folder, `pg_restore` from it, then ANALYZE. */
import { join } from 'node:path';
import { runClientTool } from './client-tool.js';
import { Phases } from './phases.js';
import { query } from './sql.js';
import { JOBS } from './subject.js';
import type { Arena, Outcome, Subject } from './subject.js';

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

async function dumpThenRestore(arena: Arena, dumpOptions: string[]): Promise<Outcome> {
  const { source, target, tools, folder } = arena;
  const phases = new Phases();
  const dump = join(folder, 'dump');
  await phases.time('dump', () =>
    runClientTool(arena, {
      file: tools.pgDump,
      args: ['--format=directory', `--jobs=${JOBS}`, ...dumpOptions, `--file=${dump}`],
      connection: source,
    }),
  );
  await phases.time('restore', () =>
    runClientTool(arena, {
      file: tools.pgRestore,
      args: [`--jobs=${JOBS}`, '--exit-on-error', `--dbname=${target.database}`, dump],
      connection: target,
    }),
  );
  await phases.time('analyze', () => query(target, 'ANALYZE'));
  return { phases: phases.seconds() };
}
