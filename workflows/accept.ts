/** What is allowed when: the one place that says whether a message is accepted. Pure. */
import type { MessageName, MessageShapes } from '../contract/messages.js';
import type { MigrationState } from '../contract/state.js';

export type Verdict = { accepted: true } | { accepted: false; reason: string };

/** What of the migration decides, beside its state. */
export interface Situation {
  state: MigrationState;
  /** The marker is committed: the point of the stop is fixed. */
  markerCommitted: boolean;
  aborting: boolean;
  /** Every lane stands at the marker, whatever blocks since then. */
  standing: boolean;
}

const yes: Verdict = { accepted: true };
const no = (reason: string): Verdict => ({ accepted: false, reason });

export function accept<Name extends MessageName>(
  name: Name,
  message: MessageShapes[Name],
  situation: Situation,
): Verdict {
  const { state, aborting } = situation;
  if (state.status === 'completed' || state.status === 'aborted')
    return no(`the migration has ${state.status}`);
  if (aborting) return name === 'abort' ? yes : no('the migration is being aborted');
  return RULES[name](message, situation);
}

const RULES: {
  [Name in MessageName]: (message: MessageShapes[MessageName], situation: Situation) => Verdict;
} = {
  retry: (_, { state }) => (state.status === 'blocked' ? yes : no(`nothing blocks: it is ${state.status}`)),

  abort: () => yes,

  finish: (_, { state, standing }) =>
    standing ? yes : no(`it is ${state.status}, not stopped: send stop first, with "then": "wait"`),

  stop: (message, { state, markerCommitted }) => {
    if (state.mode === 'full-load') return no('a full load ends by itself; there is no replication to stop');
    if (markerCommitted) return no('the marker is committed: the lanes stop, or have stopped, there');
    if ('lsn' in message && message.lsn !== undefined) return no('this version cannot stop at an LSN yet');
    return yes;
  },
};
