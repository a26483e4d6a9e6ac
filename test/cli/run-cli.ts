import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { commandCode } from '../harness/cache.js';

export interface Run {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs the command as a person would, without the Temporal settings of this machine. */
export async function runCli(
  args: string[],
  options: { stdin?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Run> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(TEMPORAL_|PGTREK_|NO_COLOR|FORCE_COLOR)/.test(name),
  );
  const child = spawn(process.execPath, ['--enable-source-maps', await commandCode(), ...args], {
    env: { ...Object.fromEntries(inherited), ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.end(options.stdin ?? '');
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { code, stdout, stderr };
}
