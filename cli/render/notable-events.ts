import type { MigrationEvent } from '../../client/index.js';
import { STAGE_KINDS } from '../../contract/event-kinds.js';

/** The kind of events that tell of an object which the load went on without. */
export const SET_ASIDE = 'set-aside';

/** Without those that say what the list of stages shows already. */
export function notableEvents(events: MigrationEvent[]): MigrationEvent[] {
  return events.filter(({ kind }) => !STAGE_KINDS.includes(kind));
}
