import { spawnSync } from 'node:child_process';
import { chmodSync, closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CannotGoOn } from './cannot-go-on.mjs';
import { binaryCacheFolder, cachedTemporal, findTemporal } from './find-temporal.mjs';

// Later tags have replace directives in go.mod, which `go install` refuses.
const GO_PACKAGE = 'github.com/temporalio/cli/cmd/temporal@v1.5.1';
// 40 MB over a slow line; without a network the download fails at once.
const DOWNLOAD_DEADLINE_MS = 120_000;
// It takes 4 minutes on 2 cores, with an empty build cache.
const BUILD_DEADLINE_MS = 30 * 60_000;

/** Finds the `temporal` command or gets it into our cache folder. */
export function checkTemporal() {
  return findTemporal() ?? getTemporal(downloadTemporal) ?? getTemporal(buildTemporal) ?? cannotGet();
}

/**
 * Gets it into a folder of its own first, so that two set-ups at once never see each other's half-made file.
 * @param {(draftFolder: string) => boolean} get
 */
function getTemporal(get) {
  mkdirSync(binaryCacheFolder(), { recursive: true });
  const draftFolder = mkdtempSync(join(binaryCacheFolder(), '.draft-'));
  try {
    if (!get(draftFolder)) return undefined;
    const binary = readdirSync(draftFolder).find((name) => name.startsWith('temporal'));
    if (binary === undefined || !runs(join(draftFolder, binary))) return undefined;
    renameSync(join(draftFolder, binary), cachedTemporal());
    return cachedTemporal();
  } finally {
    rmSync(draftFolder, { recursive: true, force: true });
  }
}

/** @param {string} folder */
function downloadTemporal(folder) {
  console.log('setup: Temporal dev server: download …');
  const script = fileURLToPath(new URL('./download-temporal.mjs', import.meta.url));
  const { status } = spawnSync(process.execPath, [script, folder], {
    stdio: 'ignore',
    timeout: DOWNLOAD_DEADLINE_MS,
    killSignal: 'SIGKILL',
  });
  return status === 0;
}

/** @param {string} folder */
export function buildTemporal(folder) {
  if (spawnSync('go', ['version']).status !== 0) return false;
  console.log(
    'setup: Temporal dev server: no download; go install builds it: about 4 minutes, once a machine …',
  );
  const logFile = join(folder, 'build.log');
  const log = openSync(logFile, 'w');
  const { status } = spawnSync('go', ['install', GO_PACKAGE], {
    env: { ...process.env, GOBIN: folder },
    stdio: ['ignore', log, log],
    timeout: BUILD_DEADLINE_MS,
  });
  closeSync(log);
  if (status !== 0) console.error(readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-15).join('\n'));
  return status === 0;
}

/** @param {string} binary */
function runs(binary) {
  chmodSync(binary, 0o755);
  return spawnSync(binary, ['--version'], { stdio: 'ignore' }).status === 0;
}

/** @returns {never} */
export function cannotGet() {
  const how = process.platform === 'darwin' ? 'run `brew install temporal`' : 'install the Temporal CLI';
  throw new CannotGoOn(
    `no temporal command, no download, and no Go that could build it: ${how} and have it on PATH, ` +
      `or install Go and run \`npm run setup\` again, or put the binary at ${cachedTemporal()}`,
  );
}
