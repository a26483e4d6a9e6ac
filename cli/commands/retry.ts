import type { Command } from 'commander';
import { REASON_OPTION, senderOf, sendMessage } from '../message.js';
import type { MessageOptions } from '../message.js';

export function addRetryCommand(program: Command): void {
  program
    .command('retry')
    .description('Let a blocked migration go on, once what blocks it was mended.')
    .argument('<name>', 'the migration')
    .option(...REASON_OPTION)
    .action(async (name: string, options: MessageOptions, command: Command) => {
      await sendMessage(command, name, {
        send: (migration) => migration.retry(senderOf(options)),
        say: ({ stage }) => [`${name} tries ${stage} again.`, `Follow it:  pgtrek status ${name} --watch`],
      });
    });
}
