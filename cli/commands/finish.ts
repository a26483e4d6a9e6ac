import type { Command } from 'commander';
import { REASON_OPTION, senderOf, sendMessage } from '../message.js';
import type { MessageOptions } from '../message.js';

export function addFinishCommand(program: Command): void {
  program
    .command('finish')
    .description('Once stopped: set the sequences, remove all objects of pgtrek, complete.')
    .argument('<name>', 'the migration')
    .option(...REASON_OPTION)
    .action(async (name: string, options: MessageOptions, command: Command) => {
      await sendMessage(command, name, {
        send: (migration) => migration.finish(senderOf(options)),
        say: () => [`${name} is being finished.`, `Follow it:  pgtrek status ${name} --watch`],
      });
    });
}
