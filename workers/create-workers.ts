/** Puts workflow and activities on the task queue, and the disk's activities on the host's own. */
import { mkdir } from 'node:fs/promises';
import { NativeConnection, Worker } from '@temporalio/worker';
import type { NativeConnectionOptions, WorkerOptions } from '@temporalio/worker';
import { createActivities } from '../activities/index.js';
import type { ActivityDependencies } from '../activities/index.js';
import type { Activities } from '../contract/activities.js';
import { PgtrekError } from '../contract/errors.js';
import type { WorkerConfig } from './config.js';
import { resolveSecret } from './secrets.js';
import { workflowBundle } from './workflow-bundle.js';

export interface Workers {
  /** Until a shutdown signal, or `shutdown()`, has ended both. */
  run: () => Promise<void>;
  shutdown: () => void;
}

/** For tests: to see every statement, and to stand between the workflow and an activity. */
export interface WorkerOverrides extends Pick<ActivityDependencies, 'observer'> {
  wrapActivities?: (activities: Activities) => Activities;
}

export async function createWorkers(
  config: WorkerConfig,
  { wrapActivities = (activities) => activities, ...overrides }: WorkerOverrides = {},
): Promise<Workers> {
  await mkdir(config.dataDir, { recursive: true });
  const connection = await connect(config.connection);
  const activities = wrapActivities(
    createActivities({
      resolveSecret,
      dataDir: config.dataDir,
      hostQueue: config.hostQueue,
      hooksDir: config.hooksDir,
      ...overrides,
    }),
  );
  const options = { ...workerOptions(config), connection, activities };
  const workers = [
    await Worker.create({ ...options, taskQueue: config.taskQueue, workflowBundle: await workflowBundle() }),
    await Worker.create({ ...options, taskQueue: config.hostQueue }),
  ];
  return {
    async run() {
      try {
        await Promise.all(workers.map((worker) => worker.run()));
      } finally {
        await connection.close();
      }
    },
    shutdown() {
      for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
    },
  };
}

function workerOptions(config: WorkerConfig): Omit<WorkerOptions, 'taskQueue'> {
  return {
    namespace: config.namespace,
    identity: config.identity,
    maxConcurrentActivityTaskExecutions: config.maxActivities,
    // By default figures are 11 s old in the median, and a cancel takes 19 s to arrive.
    maxHeartbeatThrottleInterval: '1s',
    // By default queries and updates wait 10 s for a worker that was killed.
    stickyQueueScheduleToStartTimeout: '2s',
    shutdownGraceTime: config.shutdownGraceSeconds * 1000,
    // A statement that hears no cancel must not hold the process for ever; its backend is ended by the next attempt.
    shutdownForceTime: (config.shutdownGraceSeconds + 15) * 1000,
  };
}

/** NativeConnection connects at once or fails: at the start of a whole system Temporal may come up after us. */
const CONNECT_ATTEMPTS = 20;

async function connect(options: NativeConnectionOptions): Promise<NativeConnection> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await NativeConnection.connect(options);
    } catch (error) {
      if (attempt === CONNECT_ATTEMPTS) throw unreachable(options, error);
      await new Promise((resolve) => setTimeout(resolve, Math.min(attempt * 100, 1000)));
    }
  }
}

function unreachable(options: NativeConnectionOptions, cause: unknown): PgtrekError {
  return new PgtrekError(
    'TEMPORAL_UNREACHABLE',
    `Temporal does not answer at ${options.address ?? 'localhost:7233'}.`,
    {
      remedy: 'Set TEMPORAL_ADDRESS, or start a server: temporal server start-dev',
      cause,
    },
  );
}
