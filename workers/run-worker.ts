/** `pgtrek worker`: one process until SIGTERM or SIGINT. */
import { Runtime } from '@temporalio/worker';
import { readConfig } from './config.js';
import type { WorkerConfig } from './config.js';
import { createWorkers } from './create-workers.js';
import type { WorkerOverrides } from './create-workers.js';
import { createLogger, temporalLogger } from './logger.js';

/** Resolves after a graceful shutdown: polling ends, running activities get their time, the rest is cancelled. */
export async function runWorker(overrides: WorkerOverrides = {}): Promise<void> {
  const config = readConfig();
  const logger = createLogger();
  installRuntime(config, temporalLogger(logger));
  const workers = await createWorkers(config, overrides);
  const { taskQueue, namespace } = config;
  logger.info({ taskQueue, namespace, address: config.connection.address }, 'worker is ready');
  await workers.run();
  logger.info('worker has ended');
}

/** Once a process, before the first connection. */
function installRuntime(config: WorkerConfig, logger: ReturnType<typeof temporalLogger>): void {
  Runtime.install({
    logger,
    telemetryOptions: {
      logging: { forward: {}, filter: { core: 'WARN', other: 'ERROR' } },
      ...(config.metricsAddress ? { metrics: { prometheus: { bindAddress: config.metricsAddress } } } : {}),
    },
  });
}
