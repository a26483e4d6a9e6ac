import type { Command } from 'commander';
import { addSwitchOver } from '../ask-for-cutover.js';

export function addRollbackCommand(program: Command): void {
  addSwitchOver(program, {
    word: 'rollback',
    description:
      'After a cutover that keeps a way back, make the old primary the primary again; waits until that is done.',
    maxPause: 'undo it when writers would wait longer: 500ms, 5s, 2min (default: the spec’s)',
    send: (migration, message) => migration.rollback(message),
  });
}
