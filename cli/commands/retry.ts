import type { Command } from 'commander';
import { REASON_OPTION, senderOf, sendMessage } from '../message.js';
import type { MessageOptions } from '../message.js';

interface RetryOptions extends MessageOptions {
  skip?: string;
}

export function addRetryCommand(program: Command): void {
  program
    .command('retry')
    .description('Let a blocked migration go on, once what blocks it was mended.')
    .argument('<name>', 'the migration')
    .option(
      '--skip <lsn>',
      'leave out the whole transaction that cannot be applied; the LSN that status shows',
    )
    .option(...REASON_OPTION)
    .action(async (name: string, options: RetryOptions, command: Command) => {
      const { skip } = options;
      await sendMessage(command, name, {
        send: (migration) =>
          migration.retry({ ...senderOf(options), ...(skip === undefined ? {} : { skip }) }),
        say: ({ stage }) => [
          `${name} tries ${stage} again${skip === undefined ? '' : `, without transaction ${skip}`}.`,
          `Follow it:  pgtrek status ${name} --watch`,
        ],
      });
    });
}
