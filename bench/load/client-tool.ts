import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import type { ClusterConnection } from '../../dev/cluster.js';
import { endWithProcess } from '../../dev/end-with-process.js';
import { sendSignal } from '../../dev/process.js';
import { waitUntil } from '../../dev/wait-until.js';
import type { Arena } from './subject.js';

export interface ToolCall {
  file: string;
  args: string[];
  /** Told as PGHOST and so on. */
  connection?: ClusterConnection;
  env?: Record<string, string>;
}

// A tool that is told to end tells its children; pgcopydb removes its semaphores too.
const END_DEADLINE_MS = 4_000;
const LAST_OUTPUT = 4_000;
const ANSWER_DEADLINE_MS = 5_000;

/** Runs a tool as a person would, with its memory counted. Throws with its errors. It ends with the run, its children with it. */
export async function runClientTool(
  { memory, belongings }: Pick<Arena, 'memory' | 'belongings'>,
  call: ToolCall,
): Promise<string> {
  const child = await startClientTool({ belongings }, call);
  const forget = memory.count(child.pid);
  try {
    return await child.output;
  } finally {
    forget();
  }
}

/** Begins to run a tool. It ends with the run, its children with it. */
export function startClientTool(
  { belongings }: Pick<Arena, 'belongings'>,
  { file, args, connection, env = {} }: ToolCall,
): Promise<ProcessGroup> {
  return belongings.open(
    async () => startGroup(file, args, { ...(connection && environmentFor(connection)), ...env }),
    (started) => started.end(),
  );
}

/** What a tool answers at once; undefined where it fails, or hangs. */
export async function askTool(file: string, args: string[]): Promise<string | undefined> {
  const group = startGroup(file, args, {});
  const timer = new AbortController();
  const late = sleep(ANSWER_DEADLINE_MS, undefined, { signal: timer.signal });
  late.catch(() => undefined);
  try {
    return await Promise.race([group.output.catch(() => undefined), late]);
  } finally {
    timer.abort();
    await group.end();
  }
}

export interface ProcessGroup {
  pid: number | undefined;
  /** Of stdout, once it has ended well. */
  output: Promise<string>;
  end: () => Promise<void>;
}

/** In a process group of its own, so that a tool that hangs is ended with all that it has started. */
function startGroup(file: string, args: string[], env: Record<string, string>): ProcessGroup {
  const child = execa(file, args, {
    // Without the caller's PG* variables, which are for other servers.
    env: { PATH: process.env['PATH'] ?? '', ...env },
    extendEnv: false,
    stdin: 'ignore',
    detached: true,
    cleanup: false,
    reject: false,
  });
  const { pid } = child;
  const forget = endWithProcess(() => {
    if (pid !== undefined) sendSignal(-pid, 'SIGKILL');
  });
  const output = child.then((result) => {
    if (pid === undefined || !groupRuns(pid)) forget();
    if (!result.failed) return result.stdout;
    const said = result.stderr.slice(-LAST_OUTPUT).trim();
    throw new Error(`${result.shortMessage}${said === '' ? '' : `:\n${said}`}`, { cause: result });
  });
  output.catch(() => undefined);
  return {
    pid,
    output,
    end: async () => {
      if (pid !== undefined) await endGroup(pid);
      forget();
    },
  };
}

async function endGroup(leader: number): Promise<void> {
  if (!sendSignal(-leader, 'SIGTERM')) return;
  const isGone = async () => !groupRuns(leader);
  if (await waitUntil(isGone, { deadlineMs: END_DEADLINE_MS })) return;
  sendSignal(-leader, 'SIGKILL');
  if (!(await waitUntil(isGone, { deadlineMs: END_DEADLINE_MS })))
    throw new Error(`a process of group ${leader} outlived SIGKILL`);
}

function groupRuns(leader: number): boolean {
  try {
    return process.kill(-leader, 0);
  } catch {
    return false;
  }
}

function environmentFor({ host, port, user, password, database }: ClusterConnection): Record<string, string> {
  return {
    PGHOST: host,
    PGPORT: String(port),
    PGUSER: user,
    PGPASSWORD: password,
    PGDATABASE: database,
  };
}

export function uriOf({ host, port, user, password, database }: ClusterConnection): string {
  return `postgresql://${user}:${password}@${host}:${port}/${database}`;
}

/** psql stands beside pg_dump, without the detour of Debian's script in PATH. */
export function psqlOf({ tools }: Pick<Arena, 'tools'>): string {
  return join(dirname(tools.pgDump), 'psql');
}

export async function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}
