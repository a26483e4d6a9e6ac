import type { Command } from 'commander';
import { REASON_OPTION, senderOf, sendMessage } from '../message.js';
import type { MessageOptions } from '../message.js';

export function addResumeCommand(program: Command): void {
  program
    .command('resume')
    .description('End a pause; or let lanes that stand go on, with no stop planned.')
    .argument('<name>', 'the migration')
    .option(...REASON_OPTION)
    .action(async (name: string, options: MessageOptions, command: Command) => {
      await sendMessage(command, name, {
        send: (migration) => migration.resume(senderOf(options)),
        say: () => [`${name} goes on.`, `Follow it:  pgtrek status ${name} --watch`],
      });
    });
}
