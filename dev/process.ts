import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { waitUntil } from './wait-until.js';

const run = promisify(execFile);

/** The command line of a running process; undefined when there is none, or only a zombie. */
export async function commandLineOf(pid: number): Promise<string | undefined> {
  try {
    // Slim Linux images have no ps, macOS has no /proc.
    const line =
      process.platform === 'linux'
        ? (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ')
        : (await run('ps', ['-ww', '-o', 'args=', '-p', String(pid)])).stdout;
    return line.trim() || undefined;
  } catch {
    return undefined;
  }
}

/** Sends `signal`, waits until the process is gone, sends SIGKILL after the deadline. */
export async function endProcess(pid: number, signal: NodeJS.Signals, deadlineMs: number): Promise<void> {
  if (!sendSignal(pid, signal)) return;
  const isGone = async () => (await commandLineOf(pid)) === undefined;
  if (await waitUntil(isGone, { deadlineMs })) return;
  sendSignal(pid, 'SIGKILL');
  if (!(await waitUntil(isGone, { deadlineMs: 5_000 }))) throw new Error(`process ${pid} outlived SIGKILL`);
}

/** False when there is no such process. */
export function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
