import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** @typedef {{ uid: number, gid: number }} ServerUser */

/**
 * The user that servers run as: PostgreSQL refuses to run as root. Undefined: our own.
 * @returns {ServerUser | undefined}
 */
export function serverUser() {
  if (process.getuid?.() !== 0) return undefined;
  return { uid: idOfNobody('-u'), gid: idOfNobody('-g') };
}

/**
 * The folder from which `user` can run the server: the package's own or, when the checkout is private to root
 * (under /root, say), a copy in the temporary folder.
 * @param {{ native: string, version: string }} embedded
 * @param {ServerUser | undefined} user
 * @returns {string}
 */
export function reachableNative({ native, version }, user) {
  if (user === undefined || canRun(native, user)) return native;
  const copy = join(tmpdir(), `pgtrek-pg-${version}`);
  if (existsSync(copy)) {
    // Anybody may have made that name: never run what another user put there.
    if (statSync(copy).uid !== process.getuid?.())
      throw new Error(`${copy} belongs to another user: remove it`);
    if (canRun(copy, user)) return copy;
    rmSync(copy, { recursive: true, force: true });
  }
  const draft = `${copy}-${process.pid}`;
  cpSync(native, draft, { recursive: true, verbatimSymlinks: true });
  openToAll(draft);
  try {
    renameSync(draft, copy);
  } catch {
    // Another set-up was first: its copy is as good.
    rmSync(draft, { recursive: true, force: true });
  }
  if (!canRun(copy, user)) throw new Error(`user id ${user.uid} cannot run ${join(copy, 'bin', 'postgres')}`);
  return copy;
}

/**
 * @param {string} native
 * @param {ServerUser} user
 */
function canRun(native, user) {
  return spawnSync(join(native, 'bin', 'postgres'), ['--version'], { ...user, cwd: '/' }).status === 0;
}

/** @param {string} folder */
function openToAll(folder) {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) openToAll(path);
    else if (entry.isFile())
      chmodSync(path, statSync(path).mode | 0o444 | (statSync(path).mode & 0o100 ? 0o111 : 0));
  }
}

/** @param {'-u' | '-g'} flag */
function idOfNobody(flag) {
  try {
    return Number(
      execFileSync('id', [flag, 'nobody'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
    );
  } catch {
    return 65_534;
  }
}
