import { delimiter, join } from 'node:path';
import { CannotGoOn } from './cannot-go-on.mjs';
import { binaryCacheFolder } from './find-temporal.mjs';
import { isExecutable } from './is-executable.mjs';

// Debian's, where PATH is a user's and has no sbin; Homebrew's.
const FOLDERS = ['/usr/sbin', '/opt/homebrew/bin', '/usr/local/bin'];

/** Beside the binary: libraries that the system lacks. */
export function cachedPgBouncer() {
  return join(binaryCacheFolder(), 'pgbouncer', 'pgbouncer');
}

/**
 * The `pgbouncer` program: PGTREK_PGBOUNCER, from PATH, the system's, or else from our cache folder.
 * @returns {string | undefined}
 */
export function findPgBouncer() {
  const own = process.env['PGTREK_PGBOUNCER'];
  if (own) {
    if (isExecutable(own)) return own;
    throw new CannotGoOn(`PGTREK_PGBOUNCER names ${own}, which cannot be run`);
  }
  const onPath = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean);
  return [...[...onPath, ...FOLDERS].map((folder) => join(folder, 'pgbouncer')), cachedPgBouncer()].find(
    isExecutable,
  );
}
