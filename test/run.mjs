// Runs test/**/*.test.ts three files at a time: `node test/run.mjs [part of a path …] [--option of node --test …]`.
// Node 20 knows neither globs nor TypeScript in --test.
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statfsSync, symlinkSync, writeFileSync } from 'node:fs';
import { freemem, tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
// For one test and, on Node 20, for a whole file too.
const timeoutMs = 15 * 60_000;

// They mostly wait: two files leave a quarter of two cores idle.
const filesAtATime = 3;

const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const options = process.argv.slice(2).filter((argument) => argument.startsWith('--'));
const files = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.test.ts'))
  .map((path) => join('test', path))
  .filter((path) => wanted.length === 0 || wanted.some((part) => path.includes(relative(root, part) || part)))
  .sort();
if (files.length === 0) {
  console.error(`no test file matches ${wanted.join(' ')}`);
  process.exit(1);
}

const memory = process.env.TMPDIR === undefined ? memoryFolder() : undefined;
if (memory !== undefined) process.env.TMPDIR = memory;
// What all tests need alike is made once and kept here. The servers' own user reads templates of clusters in it.
removeLeftCaches();
const cache = mkdtempSync(join(tmpdir(), `pgtrek-run-${process.pid}-`));
chmodSync(cache, 0o711);
symlinkSync(join(root, 'node_modules'), join(cache, 'node_modules'));
process.on('exit', () => rmSync(cache, { recursive: true, force: true, maxRetries: 5 }));

const args = [
  '--import',
  'tsx',
  '--test',
  `--test-concurrency=${filesAtATime}`,
  `--test-timeout=${timeoutMs}`,
];
const child = spawn(process.execPath, [...args, '--test-reporter=spec', ...options, ...files], {
  cwd: root,
  stdio: ['ignore', 'inherit', 'inherit'],
  env: {
    ...process.env,
    NODE_ENV: 'test',
    PGTREK_TEST_CACHE: cache,
    PGTREK_CLUSTER_TEMPLATES: cache,
    PGTREK_BENCH_PACKAGE: join(cache, 'bench-package'),
  },
});
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  process.on(signal, () => child.kill(signal));
}
child.on('exit', (code) => process.exit(code ?? 1));

/** Servers are thousands of small files, which a disk makes ten times as slowly. Undefined where memory has no such folder, or too little room. */
function memoryFolder() {
  const folder = '/dev/shm';
  const needed = 8 * 1024 ** 3;
  try {
    const { bavail, bsize } = statfsSync(folder);
    const limit = process.constrainedMemory() || Infinity;
    return Math.min(bavail * bsize, freemem(), limit) >= needed && mayExecuteIn(folder) ? folder : undefined;
  } catch {
    return undefined;
  }
}

/** @param {string} folder */
function mayExecuteIn(folder) {
  const script = join(folder, `pgtrek-probe-${process.pid}`);
  try {
    writeFileSync(script, '#!/bin/sh\n', { mode: 0o755 });
    return spawnSync(script).status === 0;
  } finally {
    rmSync(script, { force: true });
  }
}

/** Those of runs that were killed. */
function removeLeftCaches() {
  for (const name of readdirSync(tmpdir())) {
    const owner = /^pgtrek-run-(\d+)-/.exec(name)?.[1];
    if (owner && !isAlive(Number(owner))) rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}
