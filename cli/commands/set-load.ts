import type { Command } from 'commander';
import type { MigrationState } from '../../client/index.js';
import { REASON_OPTION, senderOf, sendMessage } from '../message.js';
import type { MessageOptions } from '../message.js';
import { parseCount } from '../parse-option.js';
import { describePace } from '../render/load-pace.js';
import { UsageError } from '../usage-error.js';

interface SetLoadOptions extends MessageOptions {
  jobs?: number;
  indexJobs?: number;
}

export function addSetLoadCommand(program: Command): void {
  program
    .command('set-load')
    .description('Run more or fewer copies and index builds at the same time, until the load is done.')
    .argument('<name>', 'the migration')
    .option('--jobs <n>', 'tables or parts copied at the same time, 1 to 64', parseCount)
    .option('--index-jobs <n>', 'tables whose indexes are built at the same time, 1 to 32', parseCount)
    .option(...REASON_OPTION)
    .action(async (name: string, options: SetLoadOptions, command: Command) => {
      const { jobs, indexJobs } = options;
      if (jobs === undefined && indexJobs === undefined)
        throw new UsageError('say what to change: --jobs <n>, --index-jobs <n>, or both');
      await sendMessage(command, name, {
        send: (migration) =>
          migration.setLoad({
            ...(jobs === undefined ? {} : { jobs }),
            ...(indexJobs === undefined ? {} : { indexJobs }),
            ...senderOf(options),
          }),
        say: sayPace,
      });
    });
}

/** Fewer than before: what runs is not ended for it. */
function sayPace(state: MigrationState): string[] {
  return [
    `${state.name} now runs ${describePace(state)}.`,
    `Follow it:  pgtrek status ${state.name} --watch`,
  ];
}
