/** One run of a command hook: a program that this worker allows, with what it is told on its standard input. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PgtrekError } from '../contract/errors.js';

export interface CommandCall {
  /** The program's plain name, and its arguments. */
  run: [string, ...string[]];
  /** Folder of the programs that are allowed; absent: none is. */
  hooksDir: string | undefined;
  body: string;
  /** Of the body; in the environment as PGTREK_IDEMPOTENCY_KEY. */
  key: string;
  /** More of its environment. */
  env?: Record<string, string>;
  timeoutMs: number;
  signal: AbortSignal;
  /** When the program runs; a call that failed without it has done nothing. */
  onStart?: () => void;
}

/** What it writes to standard error is told when it fails: so much of its end. */
const STDERR_KEPT = 2_000;

/** From SIGTERM to SIGKILL. */
const GRACE_MS = 2_000;

/** For what it has written before it ended. */
const DRAIN_MS = 500;

/** Throws HOOK_REFUSED, or HOOK_FAILED when the program fails or takes too long. It leaves no process of its group behind. */
export async function runCommand(call: CommandCall): Promise<void> {
  const program = await findProgram(call.hooksDir, call.run[0]);
  const child = spawn(program, call.run.slice(1), {
    // A group of its own, so that what it started ends with it.
    detached: true,
    cwd: path.dirname(program),
    env: { ...environmentOf(call.key), ...call.env },
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  if (call.onStart) child.once('spawn', call.onStart);
  const outcome = await outcomeOf(child, call);
  call.signal.throwIfAborted();
  if (outcome !== undefined) throw failed(call.run[0], outcome);
}

/** Path of a program in the folder. Throws HOOK_REFUSED, with what the worker's operator has to do. */
export async function findProgram(hooksDir: string | undefined, name: string): Promise<string> {
  if (hooksDir === undefined || hooksDir === '')
    throw refused(name, 'it allows none', 'Start the worker with PGTREK_HOOKS, a folder that holds it');
  const program = path.join(path.resolve(hooksDir), name);
  const isProgram =
    path.dirname(program) === path.resolve(hooksDir) &&
    (await stat(program).then(
      (entry) => entry.isFile(),
      () => false,
    )) &&
    (await access(program, constants.X_OK).then(
      () => true,
      () => false,
    ));
  if (isProgram) return program;
  throw refused(name, `${hooksDir} has no such executable`, `Put it into ${hooksDir} on every worker`);
}

function refused(name: string, why: string, remedy: string): PgtrekError {
  return new PgtrekError('HOOK_REFUSED', `The command hook ${name} is not allowed on this worker: ${why}.`, {
    object: name,
    remedy: `${remedy}, or choose another hook.`,
  });
}

/** Nothing of the worker's own environment, which has passwords in it. */
function environmentOf(key: string): Record<string, string> {
  const { PATH = '/usr/bin:/bin', HOME, TZ } = process.env;
  return {
    PATH,
    ...(HOME === undefined ? {} : { HOME }),
    ...(TZ === undefined ? {} : { TZ }),
    PGTREK_IDEMPOTENCY_KEY: key,
  };
}

/** Undefined when it ended well; why it did not otherwise. */
async function outcomeOf(
  child: ChildProcess,
  { body, timeoutMs, signal }: CommandCall,
): Promise<string | undefined> {
  let late = false;
  const end = () => endGroup(child);
  const timer = setTimeout(() => {
    late = true;
    end();
  }, timeoutMs);
  signal.addEventListener('abort', end);
  if (signal.aborted) end();
  const told = tailOf(child);
  const closed = new Promise((resolve) => child.once('close', resolve));
  // A program that does not read its input is free not to.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(body);
  try {
    const how = await new Promise<string | undefined>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, by) =>
        resolve(code === 0 ? undefined : `ended by ${by ?? `code ${String(code)}`}`),
      );
    });
    // Whoever is left of its group may hold its output open; one that has left the group is not waited for.
    signalGroup(child, 'SIGKILL');
    await Promise.race([closed, sleep(DRAIN_MS)]);
    if (late) return `it took longer than ${String(timeoutMs)} ms${told()}`;
    return how === undefined ? undefined : `${how}${told()}`;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
    child.stderr?.destroy();
  }
}

function tailOf({ stderr }: ChildProcess): () => string {
  let tail = '';
  stderr?.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-STDERR_KEPT);
  });
  return () => (tail.trim() === '' ? '' : `: ${tail.trim()}`);
}

function endGroup(child: ChildProcess): void {
  signalGroup(child, 'SIGTERM');
  const kill = setTimeout(() => signalGroup(child, 'SIGKILL'), GRACE_MS);
  child.once('exit', () => clearTimeout(kill));
}

/** Those that are left of it; it is no fault that there are none. */
function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // All have ended.
  }
}

function failed(name: string, reason: string): PgtrekError {
  return new PgtrekError('HOOK_FAILED', `The command hook ${name} failed: ${reason}.`, {
    object: name,
    remedy: 'Mend the program, which must end with 0 in time.',
    retryable: true,
  });
}
