import { spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { commandLineOf, endProcess, sendSignal } from './process.js';
import type { ServerUser } from './setup/server-user.mjs';

// A checkpoint of a test's data on a busy machine with two cores takes less.
const STOP_DEADLINE_MS = 60_000;

// What a start meets while backends of a postmaster that was killed are still on their way out.
const STILL_ENDING = /pre-existing shared memory block|lock file ".*" already exists/;

export interface PostmasterOptions {
  native: string;
  folder: string;
  user: ServerUser | undefined;
}

/** One server process of a cluster, found again and again over its data folder's life. */
export class Postmaster {
  readonly dataDir: string;
  readonly logFile: string;
  readonly #options: PostmasterOptions;
  #pid: number | undefined;

  constructor(options: PostmasterOptions) {
    this.#options = options;
    this.dataDir = join(options.folder, 'data');
    this.logFile = join(options.folder, 'server.log');
  }

  get pid(): number | undefined {
    return this.#pid;
  }

  isRunning(): Promise<boolean> {
    return runsCluster(this.#pid, this.dataDir);
  }

  async spawn(): Promise<void> {
    const { native, folder, user } = this.#options;
    const log = await open(this.logFile, 'a');
    // Detached, so that Ctrl-C reaches only us, and the server stops when we say so.
    const child = spawn(join(native, 'bin', 'postgres'), ['-D', this.dataDir], {
      ...user,
      cwd: folder,
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      env: { PATH: process.env['PATH'], TZ: 'UTC', LC_ALL: 'C' },
    });
    const forget = () => {
      if (this.#pid === child.pid) this.#pid = undefined;
    };
    child.once('error', forget);
    child.once('exit', forget);
    child.unref();
    this.#pid = child.pid;
    await log.close();
  }

  async stop(signal: 'SIGINT' | 'SIGQUIT'): Promise<void> {
    if (this.#pid !== undefined && (await this.isRunning()))
      await endProcess(this.#pid, signal, STOP_DEADLINE_MS);
    this.#pid = undefined;
  }

  /** Without waiting: for a process that exits now. */
  abandon(): void {
    if (this.#pid !== undefined) sendSignal(this.#pid, 'SIGQUIT');
  }

  /** Whether the last start failed only because an earlier server's processes are still there. */
  async metEndingServer(): Promise<boolean> {
    const lines = (await readFile(this.logFile, 'utf8').catch(() => '')).trimEnd().split('\n');
    return STILL_ENDING.test(lines.slice(-4).join('\n'));
  }
}

/** Ends the server of a data folder whose owner was killed. */
export async function endLeftPostmaster(folder: string): Promise<void> {
  const dataDir = join(folder, 'data');
  const pid = Number.parseInt(await readFile(join(dataDir, 'postmaster.pid'), 'utf8').catch(() => ''), 10);
  if (await runsCluster(pid, dataDir)) await endProcess(pid, 'SIGQUIT', STOP_DEADLINE_MS);
}

/** By its command line too, as process ids are used again. */
async function runsCluster(pid: number | undefined, dataDir: string): Promise<boolean> {
  if (pid === undefined || Number.isNaN(pid)) return false;
  return (await commandLineOf(pid))?.includes(dataDir) ?? false;
}
