import type { Command } from 'commander';
import { REASON_OPTION, senderOf, sendMessage } from '../message.js';
import type { MessageOptions } from '../message.js';

interface AbortOptions extends MessageOptions {
  dropTarget?: boolean;
}

export function addAbortCommand(program: Command): void {
  program
    .command('abort')
    .description('End a migration and remove what pgtrek made on both ends.')
    .argument('<name>', 'the migration')
    .option('--drop-target', 'also drop what was restored on the target, and only that')
    .option(...REASON_OPTION)
    .action(async (name: string, options: AbortOptions, command: Command) => {
      const dropTarget = options.dropTarget ?? false;
      const kept = dropTarget ? 'What was restored is dropped.' : 'What was restored stays on the target.';
      await sendMessage(command, name, {
        send: (migration) => migration.abort({ ...senderOf(options), ...(dropTarget ? { dropTarget } : {}) }),
        say: () => [`${name} is being aborted. ${kept}`, `Follow it:  pgtrek status ${name} --watch`],
      });
    });
}
