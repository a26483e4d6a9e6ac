import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { endWithProcess } from './end-with-process.js';
import { findFreePort } from './free-port.js';
import { makeOwnFolder, removeLeftFolders } from './own-folder.js';
import { commandLineOf, endProcess } from './process.js';
import { readTail } from './read-tail.js';
import { findTemporal } from './setup/find-temporal.mjs';
import { isNamespaceUsable, keepHistoriesLonger } from './temporal-namespace.js';
import { waitUntil } from './wait-until.js';

export interface TemporalServerOptions {
  /** With the Web UI; default: headless. */
  ui?: boolean;
  /** SQLite file that outlives the server; default: in memory. */
  dbFile?: string;
  /** gRPC port; default: a free one. */
  port?: number;
  uiPort?: number;
  /** Default: a file that is removed when the server stops. */
  logFile?: string;
  /** More arguments of `temporal server start-dev`. */
  extraArgs?: string[];
}

/** A Temporal dev server on 127.0.0.1. It ends with this process. */
export interface TemporalServer {
  /** host:port for gRPC */
  readonly address: string;
  readonly namespace: string;
  readonly uiUrl: string | undefined;
  readonly pid: number;
  /** Ends the server in order. Nothing to do when it has ended. */
  stop(): Promise<void>;
  /** Sends a signal and does not wait, as a crash does. */
  kill(signal: NodeJS.Signals): void;
}

const NAMESPACE = 'default';
const START_DEADLINE_MS = 30_000;
// It ends in well under a second, unless the machine is busy.
const STOP_DEADLINE_MS = 10_000;
const PID_FILE = 'server.json';

export async function startTemporalServer(options: TemporalServerOptions = {}): Promise<TemporalServer> {
  const binary = findTemporal();
  if (binary === undefined) throw new Error('no Temporal dev server found: run `npm run setup`');
  await removeLeftFolders('temporal', endLeftServer);
  const folder = await makeOwnFolder('temporal', 'server');
  const port = options.port ?? (await findFreePort());
  const uiPort = options.ui ? (options.uiPort ?? (await findFreePort())) : undefined;
  const logFile = options.logFile ?? join(folder, 'server.log');
  const address = `127.0.0.1:${port}`;
  const args = startDevArguments(options, { port, uiPort });
  const child = await spawnServer({ binary, args, logFile });
  const forget = endWithProcess(() => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });
  const stop = async () => {
    if (child.pid !== undefined && !hasEnded(child)) await endProcess(child.pid, 'SIGTERM', STOP_DEADLINE_MS);
    await rm(folder, { recursive: true, force: true });
    forget();
  };
  try {
    const pid = await usablePid({ child, address, logFile });
    await writeFile(join(folder, PID_FILE), JSON.stringify({ pid, port }));
    await keepHistoriesLonger(address, NAMESPACE);
    const uiUrl = uiPort === undefined ? undefined : `http://127.0.0.1:${uiPort}`;
    return { address, namespace: NAMESPACE, uiUrl, pid, stop, kill: (signal) => void child.kill(signal) };
  } catch (error) {
    await stop();
    throw error;
  }
}

function startDevArguments(
  options: TemporalServerOptions,
  ports: { port: number; uiPort: number | undefined },
): string[] {
  const args = ['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(ports.port)];
  if (ports.uiPort === undefined) args.push('--headless');
  else args.push('--ui-ip', '127.0.0.1', '--ui-port', String(ports.uiPort));
  if (options.dbFile !== undefined) args.push('--db-filename', options.dbFile);
  return [...args, ...(options.extraArgs ?? [])];
}

async function spawnServer(command: {
  binary: string;
  args: string[];
  logFile: string;
}): Promise<ChildProcess> {
  const log = await open(command.logFile, 'a');
  // The caller's TEMPORAL_* variables name another server, and some of them are flags of this command too.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('TEMPORAL_')),
  );
  // Detached, so that Ctrl-C reaches only us, and the server stops when we say so.
  const child = spawn(command.binary, command.args, {
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
    env,
  });
  child.on('error', () => undefined);
  child.unref();
  await log.close();
  return child;
}

/** Waits until the server answers; fails with the end of its log. */
async function usablePid(server: { child: ChildProcess; address: string; logFile: string }): Promise<number> {
  const { child, address, logFile } = server;
  const isUsable = await waitUntil(
    async () => child.pid === undefined || hasEnded(child) || (await isNamespaceUsable(address, NAMESPACE)),
    { deadlineMs: START_DEADLINE_MS },
  );
  if (isUsable && child.pid !== undefined && !hasEnded(child)) return child.pid;
  const what = isUsable ? 'ended' : `was not usable after ${START_DEADLINE_MS / 1000} s`;
  throw new Error(`the Temporal dev server on ${address} ${what}:\n${await readTail(logFile, 30)}`);
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** Ends a server whose owner was killed, if its process is still that server. */
async function endLeftServer(folder: string): Promise<void> {
  const text = await readFile(join(folder, PID_FILE), 'utf8').catch(() => undefined);
  if (text === undefined) return;
  const { pid, port } = JSON.parse(text) as { pid: number; port: number };
  const isThatServer =
    (await commandLineOf(pid))?.includes(`start-dev --ip 127.0.0.1 --port ${port}`) ?? false;
  if (isThatServer) await endProcess(pid, 'SIGTERM', STOP_DEADLINE_MS);
}
