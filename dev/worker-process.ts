import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { open, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endWithProcess } from './end-with-process.js';
import { makeOwnFolder, removeLeftFolders } from './own-folder.js';
import { commandLineOf, endProcess } from './process.js';
import { readTail } from './read-tail.js';
import { waitUntil } from './wait-until.js';
import { nodeArguments } from './pgtrek-command.js';

/** `pgtrek worker` as an operator runs it: a process of its own, set by environment. */
export interface WorkerProcess {
  readonly pid: number;
  /** Its files and its log; removed with it. */
  readonly folder: string;
  readonly logFile: string;
  /** Rejects when the process ends before it was told to. */
  readonly diesEarly: Promise<never>;
  stop(): Promise<void>;
}

export interface WorkerProcessOptions {
  address: string;
  namespace: string;
  /** Environment variables that password references name. */
  passwords: Record<string, string>;
  /** A file that `buildBundle` made; default: the worker makes its own. */
  workflowBundle?: string;
  /** Compiled cli/main.js of another copy of pgtrek; default: as this program itself runs. */
  main?: string;
}

// tsx, and bundling the workflows, take some seconds of a busy machine with two cores.
const START_DEADLINE_MS = 60_000;
// Nothing is under way when it is stopped; interrupted work is thrown away.
const STOP_DEADLINE_MS = 4_000;
const PID_FILE = 'worker.pid';
const READY = 'worker is ready';

export async function startWorkerProcess(options: WorkerProcessOptions): Promise<WorkerProcess> {
  await removeLeftFolders('worker', endLeftWorker);
  const folder = await makeOwnFolder('worker', 'pgtrek');
  const logFile = join(folder, 'worker.log');
  const child = await spawnWorker(options, { folder, logFile });
  const forget = endWithProcess(() => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });
  let isStopping = false;
  const stop = async () => {
    isStopping = true;
    if (child.pid !== undefined && !hasEnded(child)) await endProcess(child.pid, 'SIGTERM', STOP_DEADLINE_MS);
    await rm(folder, { recursive: true, force: true });
    forget();
  };
  const diesEarly = new Promise<never>((_, reject) => {
    child.once('exit', () => {
      if (!isStopping) void describeEnd(logFile).then(reject);
    });
  });
  diesEarly.catch(() => undefined);
  try {
    const pid = await readyPid(child, logFile);
    await writeFile(join(folder, PID_FILE), String(pid));
    return { pid, folder, logFile, diesEarly, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function spawnWorker(
  { address, namespace, passwords, workflowBundle, main }: WorkerProcessOptions,
  files: { folder: string; logFile: string },
): Promise<ChildProcess> {
  // In place of the user's own file, whose settings are for another server.
  const configFile = join(files.folder, 'temporal.toml');
  await writeFile(configFile, '[profile.default]\n');
  const log = await open(files.logFile, 'a');
  // Detached, so that Ctrl-C reaches only us, and the worker stops when we say so.
  const child = spawn(process.execPath, [...(main === undefined ? nodeArguments() : [main]), 'worker'], {
    cwd: packageRoot(),
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
    env: {
      ...ownEnvironment(),
      TEMPORAL_ADDRESS: address,
      TEMPORAL_NAMESPACE: namespace,
      TEMPORAL_CONFIG_FILE: configFile,
      PGTREK_DATA_DIR: files.folder,
      PGTREK_SHUTDOWN_GRACE: '1',
      ...(workflowBundle === undefined ? {} : { PGTREK_WORKFLOW_BUNDLE: workflowBundle }),
      ...passwords,
    },
  });
  child.on('error', () => undefined);
  child.unref();
  await log.close();
  return child;
}

/** What the caller has set for other servers and workers is not for this one. */
export function ownEnvironment(): NodeJS.ProcessEnv {
  const kept = ['PGTREK_PG_BIN', 'PGTREK_LOG_LEVEL'];
  const entries = Object.entries(process.env);
  return Object.fromEntries(
    entries.filter(([name]) => kept.includes(name) || !/^(TEMPORAL|PGTREK|PG)/.test(name)),
  );
}

/** Node looks for tsx from here. */
function packageRoot(): string {
  return dirname(dirname(fileURLToPath(import.meta.url)));
}

async function readyPid(child: ChildProcess, logFile: string): Promise<number> {
  const isReady = async () => (await readFile(logFile, 'utf8').catch(() => '')).includes(READY);
  const hasAnswered = await waitUntil(
    async () => child.pid === undefined || hasEnded(child) || (await isReady()),
    {
      deadlineMs: START_DEADLINE_MS,
    },
  );
  if (hasAnswered && child.pid !== undefined && !hasEnded(child)) return child.pid;
  throw await describeEnd(logFile);
}

async function describeEnd(logFile: string): Promise<Error> {
  return new Error(`the worker ended, or did not become ready:\n${await readTail(logFile, 20)}`);
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** Ends the worker of a program that was killed, if its process is still that worker. */
async function endLeftWorker(folder: string): Promise<void> {
  const pid = Number.parseInt(await readFile(join(folder, PID_FILE), 'utf8').catch(() => ''), 10);
  if (Number.isNaN(pid)) return;
  const isThatWorker = /cli[/\\]main\.[jt]s worker/.test((await commandLineOf(pid)) ?? '');
  if (isThatWorker) await endProcess(pid, 'SIGTERM', STOP_DEADLINE_MS);
}
