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
    .description('Drop and load again what a change of the source’s schema touches; or, with --full, all.')
    .argument('<name>', 'the migration')
    .option('--drop-target', 'consent to drop what was restored on the target, and only that')
    .option('--full', 'from validate, in a new run, not the changed tables alone')
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
          full
            ? `${name} is cleaned up, and begins again from validate.`
            : `${name} loads again what the change touches; from any stage but monitor, all.`,
          `Follow it:  pgtrek status ${name} --watch`,
        ],
      });
    });
}
