import type { MigrationEvent } from '../../client/index.js';

/** Without those that say what the list of stages shows already. */
export function notableEvents(events: MigrationEvent[]): MigrationEvent[] {
  return events.filter(({ kind }) => kind !== 'stage' && kind !== 'stage-done');
}
