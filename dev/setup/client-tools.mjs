import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { CannotGoOn } from './cannot-go-on.mjs';
import { isExecutable } from './is-executable.mjs';

const DEBIAN_FOLDER = '/usr/lib/postgresql';
const HOMEBREW_FOLDERS = ['/opt/homebrew/opt', '/usr/local/opt'];
// pg_dump refuses a server that is newer than itself; demo and tests dump the oldest embedded major.
const OLDEST_MAJOR = 15;

/** Finds pg_dump and pg_restore, or installs them where that is ours to do. */
export function checkClientTools() {
  const found = findClientTools();
  if (found) return found;
  if (!canInstall()) throw new CannotGoOn(instruction());
  installClientTools();
  const installed = findClientTools();
  if (installed) return installed;
  throw new CannotGoOn(`the system's postgresql-client is older than ${OLDEST_MAJOR}. ${instruction()}`);
}

/** @returns {string | undefined} version and folder */
function findClientTools() {
  for (const folder of candidateFolders()) {
    const tools = ['pg_dump', 'pg_restore'].map((tool) => join(folder, tool));
    if (!tools.every(isExecutable)) continue;
    const { stdout } = spawnSync(tools[0] ?? '', ['--version'], { encoding: 'utf8' });
    const version = / (\d+)[.\d]*/.exec(stdout ?? '');
    if (version && Number(version[1]) >= OLDEST_MAJOR) return `${version[0].trim()} in ${folder}`;
  }
  return undefined;
}

function candidateFolders() {
  const own = process.env['PGTREK_PG_BIN'];
  const path = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean);
  return [
    ...(own ? [own] : []),
    ...newestFirst(DEBIAN_FOLDER, /^\d+$/),
    ...path,
    ...HOMEBREW_FOLDERS.flatMap((folder) => newestFirst(folder, /^(postgresql(@\d+)?|libpq)$/)),
  ];
}

/**
 * @param {string} parent
 * @param {RegExp} pattern
 */
function newestFirst(parent, pattern) {
  if (!existsSync(parent)) return [];
  const names = readdirSync(parent).filter((name) => pattern.test(name));
  names.sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
  return names.map((name) => join(parent, name, 'bin'));
}

function canInstall() {
  return process.platform === 'linux' && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
}

function installClientTools() {
  console.log('setup: pg_dump, pg_restore: apt-get install postgresql-client …');
  // Another apt may be running, as on a machine that has just started.
  const aptGet = ['-o', 'DPkg::Lock::Timeout=300', '-q'];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', 'postgresql-client']]) {
    const { status } = spawnSync('apt-get', [...aptGet, ...args], {
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    if (status !== 0) throw new CannotGoOn(`apt-get ${args.join(' ')} failed. ${instruction()}`);
  }
}

function instruction() {
  const how =
    process.platform === 'darwin'
      ? 'run `brew install libpq`'
      : existsSync('/usr/bin/apt-get')
        ? 'run `sudo apt-get update && sudo apt-get install -y postgresql-client`'
        : existsSync('/usr/bin/dnf')
          ? 'run `sudo dnf install -y postgresql`'
          : existsSync('/sbin/apk')
            ? 'run `apk add postgresql-client`'
            : "install PostgreSQL's client programs";
  return `${how} (${OLDEST_MAJOR} or newer), or set PGTREK_PG_BIN to the folder that holds pg_dump and pg_restore`;
}
