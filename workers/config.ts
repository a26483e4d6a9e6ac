/** How a worker is set: by environment, and by Temporal's own configuration conventions for the server. */
import { hostname } from 'node:os';
import os from 'node:os';
import path from 'node:path';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { NativeConnectionOptions } from '@temporalio/worker';
import { PgtrekError } from '../contract/errors.js';
import { DEFAULT_TASK_QUEUE, hostQueue, workerIdentity } from '../contract/names.js';

export interface WorkerConfig {
  connection: NativeConnectionOptions;
  namespace: string;
  /** PGTREK_TASK_QUEUE. @default pgtrek */
  taskQueue: string;
  /** The queue of this host's disk: task queue and PGTREK_HOST_ID (@default the host's name), stable over restarts. */
  hostQueue: string;
  /** How Temporal shows this worker; it names the host, so that others find its queue. */
  identity: string;
  /** PGTREK_DATA_DIR: dump files. @default ~/.local/state/pgtrek */
  dataDir: string;
  /** PGTREK_MAX_ACTIVITIES: how much this worker does at once. @default 50 */
  maxActivities: number;
  /** PGTREK_HOOKS: folder of the programs that a command hook may name; none by default. */
  hooksDir: string | undefined;
  /** PGTREK_SHUTDOWN_GRACE: seconds that running activities get on SIGTERM. @default 10 */
  shutdownGraceSeconds: number;
  /** PGTREK_METRICS_ADDRESS: where Prometheus may scrape; off by default. */
  metricsAddress: string | undefined;
}

/** Temporal's address and so on come from TEMPORAL_* and its TOML file, as its own tools read them. */
export function readConfig(env: NodeJS.ProcessEnv = process.env): WorkerConfig {
  const { connectionOptions, namespace } = loadTemporalConfig();
  const taskQueue = env.PGTREK_TASK_QUEUE ?? DEFAULT_TASK_QUEUE;
  const hostId = env.PGTREK_HOST_ID ?? hostname();
  return {
    connection: connectionOptions,
    namespace: namespace ?? 'default',
    taskQueue,
    hostQueue: hostQueue(taskQueue, hostId),
    identity: workerIdentity({ pid: process.pid, machine: hostname(), hostId }),
    dataDir: env.PGTREK_DATA_DIR ?? path.join(os.homedir(), '.local', 'state', 'pgtrek'),
    maxActivities: positive(env.PGTREK_MAX_ACTIVITIES, 50, 'PGTREK_MAX_ACTIVITIES'),
    hooksDir: env.PGTREK_HOOKS,
    shutdownGraceSeconds: positive(env.PGTREK_SHUTDOWN_GRACE, 10, 'PGTREK_SHUTDOWN_GRACE'),
    metricsAddress: env.PGTREK_METRICS_ADDRESS,
  };
}

function loadTemporalConfig(): ReturnType<typeof loadClientConnectConfig> {
  try {
    return loadClientConnectConfig();
  } catch (error) {
    throw new PgtrekError(
      'TEMPORAL_UNREACHABLE',
      `Temporal's configuration cannot be read: ${String(error)}`,
      {
        remedy: 'Correct the file that TEMPORAL_CONFIG_FILE names, or remove it.',
        cause: error,
      },
    );
  }
}

function positive(text: string | undefined, otherwise: number, name: string): number {
  if (text === undefined) return otherwise;
  const number = Number(text);
  if (Number.isInteger(number) && number > 0) return number;
  throw new Error(`${name} must be a whole number above 0, not "${text}".`);
}
