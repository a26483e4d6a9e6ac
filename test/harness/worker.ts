/** A real worker process, which may be told to die at a statement. */
import { spawn } from 'node:child_process';
import { openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { endWithProcess } from '../../dev/end-with-process.js';
import { workerCode } from './cache.js';
import type { World } from './world.js';

export interface TestWorker {
  pid: number;
  /** Resolves when the process has ended, however. */
  ended: Promise<void>;
  isAlive: () => boolean;
  /** By SIGSTOP. */
  isStopped: () => boolean;
  kill: (signal: NodeJS.Signals) => void;
  /** SIGTERM, and wait. */
  stop: () => Promise<void>;
  log: () => string;
}

/** What a worker needs of a world. */
export type WorkerWorld = Pick<World, 'temporal' | 'folder' | 'bundle'> & {
  source: Pick<World['source'], 'password'>;
  target: Pick<World['target'], 'password'>;
};

export interface TestWorkerOptions {
  taskQueue: string;
  /** `before create-slot`, `after commit-marker`, `before copy-data #3` (the third time): kill -9 itself there. */
  fault?: string;
  env?: Record<string, string>;
}

let workers = 0;

/** Passwords are in the environment as SOURCE_PASSWORD and TARGET_PASSWORD; resolves once it polls. */
export async function startWorker(world: WorkerWorld, options: TestWorkerOptions): Promise<TestWorker> {
  const main = await workerCode();
  workers += 1;
  const logFile = path.join(world.folder, `worker-${String(process.pid)}-${String(workers)}.log`);
  const output = openSync(logFile, 'w');
  const child = spawn(process.execPath, ['--enable-source-maps', main], {
    stdio: ['ignore', output, output],
    env: {
      ...process.env,
      TEMPORAL_ADDRESS: world.temporal.address,
      PGTREK_TASK_QUEUE: options.taskQueue,
      PGTREK_DATA_DIR: path.join(world.folder, 'data'),
      PGTREK_WORKFLOW_BUNDLE: world.bundle,
      PGTREK_SHUTDOWN_GRACE: '1',
      SOURCE_PASSWORD: world.source.password,
      TARGET_PASSWORD: world.target.password,
      ...(options.fault ? { PGTREK_TEST_FAULT: options.fault } : {}),
      ...options.env,
    },
  });
  const { pid } = child;
  if (pid === undefined) throw new Error('the worker did not start');
  const forget = endWithProcess(() => child.kill('SIGKILL'));
  const log = () => readFileSync(logFile, 'utf8');
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => {
      forget();
      resolve();
    });
  });
  const worker: TestWorker = {
    pid,
    ended,
    isAlive: () => child.exitCode === null && child.signalCode === null,
    isStopped: () => readFileSync(`/proc/${String(pid)}/stat`, 'utf8').includes(') T '),
    kill: (signal) => child.kill(signal),
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
    log,
  };
  await untilReady(worker);
  return worker;
}

async function untilReady(worker: TestWorker): Promise<void> {
  const end = Date.now() + 60_000;
  while (!worker.log().includes('worker is ready')) {
    if (!worker.isAlive() || Date.now() > end)
      throw new Error(`the worker did not become ready:\n${worker.log()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
