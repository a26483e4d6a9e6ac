import type { Command } from 'commander';
import { REASON_OPTION, senderOf, sendMessage } from '../message.js';
import type { MessageOptions } from '../message.js';

interface RestartOptions extends MessageOptions {
  dropTarget?: true;
  full?: true;
}

export function addRestartCommand(program: Command): void {
  program
    .command('restart')
    .description('Begin again from validate, after the schema of the source changed.')
    .argument('<name>', 'the migration')
    .option('--drop-target', 'consent to drop what was restored on the target, and only that')
    .option('--full', 'from the start, not the changed tables alone; this version always does')
    .option(...REASON_OPTION)
    .action(async (name: string, options: RestartOptions, command: Command) => {
      const { dropTarget, full } = options;
      await sendMessage(command, name, {
        send: (migration) =>
          migration.restartOnSchemaChange({
            ...(dropTarget ? { dropTarget } : {}),
            ...(full ? { full } : {}),
            ...senderOf(options),
          }),
        say: () => [
          `${name} is cleaned up, and begins again from validate.`,
          `Follow it:  pgtrek status ${name} --watch`,
        ],
      });
    });
}
