import type { Command } from 'commander';
import type { GlobalOptions } from '../globals.js';

export function addWorkerCommand(program: Command): void {
  program
    .command('worker')
    .description('Run a worker: it moves the data, so it must reach both databases and hold their passwords.')
    .addHelpText(
      'after',
      '\nIt ends in order on SIGTERM and SIGINT. Its settings are environment variables: docs/operations.md.',
    )
    .action(async (_options: unknown, command: Command) => {
      applyToEnvironment(command.optsWithGlobals<GlobalOptions>());
      const { runWorker } = await import('../../workers/index.js');
      await runWorker();
    });
}

/** The worker's configuration is its environment; a flag overrides it. */
function applyToEnvironment({ address, namespace, taskQueue }: GlobalOptions): void {
  if (address !== undefined) process.env['TEMPORAL_ADDRESS'] = address;
  if (namespace !== undefined) process.env['TEMPORAL_NAMESPACE'] = namespace;
  if (taskQueue !== undefined) process.env['PGTREK_TASK_QUEUE'] = taskQueue;
}
