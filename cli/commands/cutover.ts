import type { Command } from 'commander';
import { addSwitchOver } from '../ask-for-cutover.js';

export function addCutoverCommand(program: Command): void {
  addSwitchOver(program, {
    word: 'cutover',
    description: 'Stop the lanes now, set the sequences, and keep the lanes; waits until that is done.',
    maxPause: 'undo it when the lanes do not stand by then: 500ms, 5s, 2min (default: 5s)',
    send: (migration, message) => migration.cutover(message),
  });
}
