/** The schema on its way, in parts: pg_dump's archive, and pg_restore of what is told. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runClientTool } from './client-tool.js';
import { JOBS } from './subject.js';
import type { Arena } from './subject.js';

export async function dumpSchema(arena: Arena): Promise<void> {
  await runClientTool(arena, {
    file: arena.tools.pgDump,
    args: ['--schema-only', '--format=custom', `--file=${archiveOf(arena)}`],
    connection: arena.source,
  });
}

/** Of all of it, empty. */
export async function restoreSchema(arena: Arena): Promise<void> {
  await restore(arena, []);
}

/** Everything that tables need to take rows, and no index. */
export async function restorePreData(arena: Arena): Promise<void> {
  await restore(arena, ['--section=pre-data', '--single-transaction']);
}

/**
 * Indexes, keys and all that comes after rows.
 * @param without types of entries that are there already, as the list of contents writes them
 */
export async function restorePostData(
  arena: Arena,
  { without }: { without: string[] } = { without: [] },
): Promise<void> {
  const list = join(arena.folder, 'post-data.list');
  const contents = await runClientTool(arena, {
    file: arena.tools.pgRestore,
    args: ['--list', '--section=post-data', archiveOf(arena)],
  });
  const kept = contents.split('\n').filter((line) => !without.includes(typeOf(line)));
  await writeFile(list, kept.join('\n'));
  await restore(arena, ['--section=post-data', `--jobs=${JOBS}`, `--use-list=${list}`]);
}

/** `3370; 2606 16410 FK CONSTRAINT public …`: the words in capitals after three numbers. */
function typeOf(line: string): string {
  return /^\d+; \d+ \d+ ([A-Z][A-Z ]*[A-Z]) /.exec(line)?.[1] ?? '';
}

async function restore(arena: Arena, options: string[]): Promise<void> {
  const { target, tools } = arena;
  await runClientTool(arena, {
    file: tools.pgRestore,
    args: ['--exit-on-error', `--dbname=${target.database}`, ...options, archiveOf(arena)],
    connection: target,
  });
}

function archiveOf({ folder }: Arena): string {
  return join(folder, 'schema.dump');
}
