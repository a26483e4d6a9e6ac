/**
 * What may be sent to a running migration, as a Signal and as an Update of the same name, and what may be asked.
 * The names are a public contract: other services send them.
 */
import type { MessageName, MessageShapes } from './message-shapes.js';
import {
  parseAbort,
  parseCutover,
  parseRestart,
  parseRetry,
  parseSender,
  parseSetLoad,
  parseStop,
  parseVerify,
} from './parse-message.js';
import type { Parsed } from './parse-message.js';

export const QUERIES = { state: 'state', tables: 'tables', events: 'events' } as const;
/** Sent by the snapshot keeper (an activity) to its own workflow. */
export const SNAPSHOT_SIGNAL = 'snapshot';

interface MessageDefinition<T> {
  /** Shown in the Web UI's dialog; carries an example of the JSON. */
  description: string;
  parse: (argument: unknown) => Parsed<T>;
}

export const MESSAGES: { [Name in MessageName]: MessageDefinition<MessageShapes[Name]> } = {
  stop: {
    description:
      'Stop replication at a point, or change one\'s mind: {"now": true} or {"at": "2026-12-01T02:00:00Z", "then": "finish"} or {"lsn": "16/B374D848"} or {"never": true}; then: finish | wait',
    parse: parseStop,
  },
  pause: {
    description: 'Start nothing more in load; stop the lanes at a marker while they replicate: {}',
    parse: parseSender,
  },
  resume: { description: 'End a pause, or go on after a stop that waits: {}', parse: parseSender },
  cutover: {
    description:
      'Make the target the primary, or undo the attempt: {} or {"maxPause": "5s"}; only look whether it can begin: {"dryRun": true}',
    parse: parseCutover,
  },
  rollback: {
    description:
      'After a cutover that keeps a way back, make the old primary the primary again: {} or {"maxPause": "5s"}; only look: {"dryRun": true}',
    parse: parseCutover,
  },
  verify: {
    description:
      'Compare both databases, table by table: {} or {"tables": ["public.orders"]}; mend rows that differ while the lanes stand: {"repair": true}',
    parse: parseVerify,
  },
  finish: {
    description: 'Set the sequences, remove all objects of pgtrek and complete (once stopped): {}',
    parse: parseSender,
  },
  retry: {
    description:
      'Go on after what blocks was mended: {}; or leave out the transaction that cannot be applied: {"skip": "16/B374D848"}',
    parse: parseRetry,
  },
  restartOnSchemaChange: {
    description:
      'After the schema of the source changed, drop and load again the tables that the change touches: {"dropTarget": true}; or begin again from validate: {"full": true, "dropTarget": true}',
    parse: parseRestart,
  },
  setLoad: {
    description: 'Copy and index more or fewer tables at the same time: {"jobs": 8, "indexJobs": 4}',
    parse: parseSetLoad,
  },
  abort: {
    description: 'End the migration and clean up: {} or, to drop what was restored, {"dropTarget": true}',
    parse: parseAbort,
  },
};

export const MESSAGE_NAMES = Object.keys(MESSAGES) as MessageName[];
