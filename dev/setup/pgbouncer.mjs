import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CannotGoOn } from './cannot-go-on.mjs';
import { cachedPgBouncer, findPgBouncer } from './find-pgbouncer.mjs';
import { isExecutable } from './is-executable.mjs';

/** Finds PgBouncer, or takes it out of the system's package: installed, it would run as a service, and need root. */
export function checkPgBouncer() {
  return findPgBouncer() ?? takeFromPackage() ?? cannotGet();
}

function takeFromPackage() {
  if (!existsSync('/usr/bin/apt-get') || !existsSync('/usr/bin/dpkg')) return undefined;
  console.log('setup: PgBouncer: apt-get download pgbouncer …');
  const cache = dirname(cachedPgBouncer());
  mkdirSync(dirname(cache), { recursive: true });
  const draft = mkdtempSync(join(dirname(cache), '.draft-'));
  try {
    // The machine's own lists first; a machine that has none gets some of its own here, which needs no root either.
    if (!download(draft, []) && !download(draft, ownLists(draft))) return undefined;
    const made = gather(draft);
    if (made === undefined || !runs(made)) return undefined;
    rmSync(cache, { recursive: true, force: true });
    try {
      renameSync(made, cache);
    } catch (error) {
      // Another set-up was first: its copy is as good.
      if (!isExecutable(cachedPgBouncer())) throw error;
    }
    return cachedPgBouncer();
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** @param {string} draft */
function ownLists(draft) {
  const options = [
    '-o',
    `Dir::State::Lists=${join(draft, 'lists')}`,
    '-o',
    `Dir::Cache=${join(draft, 'cache')}`,
  ];
  mkdirSync(join(draft, 'lists', 'partial'), { recursive: true });
  mkdirSync(join(draft, 'cache'));
  apt('apt-get', [...options, 'update'], draft);
  return options;
}

/**
 * The package, and the libraries that it needs and the system lacks.
 * @param {string} draft
 * @param {string[]} options
 */
function download(draft, options) {
  const told = apt('apt-cache', [...options, 'depends', 'pgbouncer'], draft);
  const libraries = [...told.matchAll(/^\s*\|?Depends: (lib\S+)$/gm)].map(([, name = '']) => name);
  const missing = libraries.filter((name) => !isInstalled(name));
  apt('apt-get', [...options, 'download', 'pgbouncer', ...missing], draft);
  return packagesIn(draft).length > missing.length;
}

/** @param {string} name */
function isInstalled(name) {
  const { stdout } = spawnSync('dpkg-query', ['-W', '-f', '${db:Status-Status}', name], { encoding: 'utf8' });
  return stdout === 'installed';
}

/**
 * A folder with the program and its libraries.
 * @param {string} draft
 */
function gather(draft) {
  const [tree, made] = [join(draft, 'tree'), join(draft, 'made')];
  mkdirSync(made);
  for (const file of packagesIn(draft)) {
    if (spawnSync('dpkg', ['-x', file, tree], { stdio: 'ignore' }).status !== 0) return undefined;
  }
  const wanted = /\/pgbouncer$|\.so(\.\d+)*$/;
  for (const entry of readdirSync(tree, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const isProgram = /\/s?bin\/pgbouncer$/.test(path);
    if (entry.isDirectory() || !wanted.test(path) || (entry.name === 'pgbouncer' && !isProgram)) continue;
    // With their links, by whose names they are asked for.
    cpSync(path, join(made, entry.name), { verbatimSymlinks: true });
  }
  return made;
}

/** @param {string} folder */
function runs(folder) {
  const env = { ...process.env, LD_LIBRARY_PATH: folder };
  return spawnSync(join(folder, 'pgbouncer'), ['--version'], { env, stdio: 'ignore' }).status === 0;
}

/** @param {string} draft */
function packagesIn(draft) {
  return readdirSync(draft)
    .filter((name) => name.endsWith('.deb'))
    .map((name) => join(draft, name));
}

/**
 * @param {string} program
 * @param {string[]} args
 * @param {string} cwd
 */
function apt(program, args, cwd) {
  const { stdout } = spawnSync(program, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return stdout ?? '';
}

/** @returns {never} */
export function cannotGet() {
  const how =
    process.platform === 'darwin'
      ? 'run `brew install pgbouncer`'
      : existsSync('/usr/bin/apt-get')
        ? 'run `sudo apt-get update && sudo apt-get install -y pgbouncer`'
        : 'install PgBouncer';
  throw new CannotGoOn(`no PgBouncer: ${how}, or set PGTREK_PGBOUNCER to its program`);
}
