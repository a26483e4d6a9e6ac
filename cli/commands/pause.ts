import type { Command } from 'commander';
import { REASON_OPTION, senderOf, sendMessage } from '../message.js';
import type { MessageOptions } from '../message.js';
import { describePause } from '../render/pause.js';

export function addPauseCommand(program: Command): void {
  program
    .command('pause')
    .description('Begin nothing more in load; stop the lanes at a marker while they replicate.')
    .argument('<name>', 'the migration')
    .option(...REASON_OPTION)
    .action(async (name: string, options: MessageOptions, command: Command) => {
      await sendMessage(command, name, {
        send: (migration) => migration.pause(senderOf(options)),
        say: (state) => [`${name} is paused. ${describePause(state)}`, `Go on:  pgtrek resume ${name}`],
      });
    });
}
