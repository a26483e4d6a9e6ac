/** The command line as a person runs it: a process of its own. */
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import type { SpecInput } from '../../contract/spec.js';
import { commandCode } from './cache.js';
import type { World } from './world.js';

export interface CliResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

export type Cli = (args: string[], env?: Record<string, string>) => Promise<CliResult>;

/** `pgtrek …` with the world's Temporal server and passwords, and more of an environment. */
export function cliOf(world: World, taskQueue: string, environment: Record<string, string> = {}): Cli {
  return async (args, env = {}) => {
    const child = spawn(process.execPath, ['--enable-source-maps', await commandCode(), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        TEMPORAL_ADDRESS: world.temporal.address,
        PGTREK_TASK_QUEUE: taskQueue,
        SOURCE_PASSWORD: world.source.password,
        TARGET_PASSWORD: world.target.password,
        NO_COLOR: '1',
        ...environment,
        ...env,
      },
    });
    const code = new Promise<number | null>((resolve) => child.once('exit', resolve));
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { code: await code, stdout, stderr };
  };
}

/** Writes a spec file of the world; JSON is YAML too. */
export async function writeSpec(world: World, name: string, spec: SpecInput | string): Promise<string> {
  const file = path.join(world.folder, `${name}.yaml`);
  await writeFile(file, typeof spec === 'string' ? spec : JSON.stringify(spec, null, 2));
  return file;
}

/** On one line each: what a terminal's width has wrapped is one text again. */
export function unwrapped(output: string): string {
  return output.replaceAll(/\s+/g, ' ');
}
