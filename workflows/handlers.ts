/** Registers every query, signal and update, synchronously, before anything else happens. */
import {
  ApplicationFailure,
  defineQuery,
  defineSignal,
  defineUpdate,
  setDefaultSignalHandler,
  setHandler,
} from '@temporalio/workflow';
import type { SnapshotSignal } from '../contract/activities.js';
import { MESSAGES, MESSAGE_NAMES, QUERIES, SNAPSHOT_SIGNAL } from '../contract/messages.js';
import type { MessageName, MessageShapes, StopMessage } from '../contract/messages.js';
import type { MigrationEvent, MigrationState, StopPlan, TablesPage } from '../contract/state.js';
import { accept } from './accept.js';
import { showDetails } from './details.js';
import { note } from './run.js';
import type { MigrationRun } from './run.js';

export function registerHandlers(run: MigrationRun): void {
  registerQueries(run);
  for (const name of MESSAGE_NAMES) registerMessage(run, name);
  setHandler(defineSignal<[unknown]>(SNAPSHOT_SIGNAL), (snapshot) => receiveSnapshot(run, snapshot), {
    description: 'Sent by the snapshot keeper to its workflow; not for people',
  });
  setDefaultSignalHandler((name) =>
    note(run, 'unknown-signal', `There is no signal "${name}": it was ignored.`),
  );
}

function registerQueries(run: MigrationRun): void {
  setHandler(defineQuery<MigrationState>(QUERIES.state), () => run.state, {
    description: 'Where the migration is',
  });
  setHandler(defineQuery<MigrationEvent[]>(QUERIES.events), () => run.state.events, {
    description: 'The last 200 events',
  });
  setHandler(
    defineQuery<TablesPage, [{ offset?: number; limit?: number } | null]>(QUERIES.tables),
    (page) => pageOfTables(run, page?.offset ?? 0, page?.limit ?? 200),
    { description: 'Tables with bytes and rows: {"offset": 0, "limit": 200}' },
  );
}

function pageOfTables(run: MigrationRun, offset: number, limit: number): TablesPage {
  // 2,000 rows stay well below the 2 MB that an answer may have.
  const tables = run.tables.slice(offset, offset + Math.min(limit, 2_000));
  return { total: run.tables.length, offset, tables };
}

/** A signal that cannot be taken becomes an event; an update is refused with the reason. */
function registerMessage(run: MigrationRun, name: MessageName): void {
  const { description, parse } = MESSAGES[name];
  const judge = (argument: unknown) => {
    const parsed = parse(argument);
    if (!parsed.ok) return { code: 'MESSAGE_INVALID', reason: `${name}: ${parsed.reason}` };
    const verdict = accept(name, parsed.value, {
      state: run.state,
      markerCommitted: run.progress.committed !== undefined,
      aborting: run.asked.abort !== undefined,
      standing: run.progress.report !== undefined,
    });
    if (!verdict.accepted)
      return { code: 'MESSAGE_REFUSED', reason: `${name} is not accepted: ${verdict.reason}` };
    return { value: parsed.value };
  };
  setHandler(
    defineSignal<[unknown]>(name),
    (argument) => {
      const judged = judge(argument);
      if ('value' in judged) take(run, name, judged.value);
      else note(run, 'refused', judged.reason);
    },
    { description },
  );
  setHandler(
    defineUpdate<MigrationState, [unknown]>(name),
    (argument) => {
      const judged = judge(argument);
      // Another message of the same task may have changed the answer since the validator looked.
      if (!('value' in judged)) throw ApplicationFailure.nonRetryable(judged.reason, judged.code);
      take(run, name, judged.value);
      return run.state;
    },
    {
      description,
      validator: (argument) => {
        const judged = judge(argument);
        if (!('value' in judged)) throw ApplicationFailure.nonRetryable(judged.reason, judged.code);
      },
    },
  );
}

function take(run: MigrationRun, name: MessageName, message: MessageShapes[MessageName]): void {
  const by = message.by ? ` by ${message.by}` : '';
  const reason = message.reason ? `: ${message.reason}` : '';
  note(run, name, `${name} was asked for${by}${reason}`);
  TAKE[name](run, message);
  showDetails(run);
}

const TAKE: Record<MessageName, (run: MigrationRun, message: MessageShapes[MessageName]) => void> = {
  retry: (run) => {
    run.asked.retries += 1;
  },
  finish: (run) => {
    run.asked.finish = true;
  },
  abort: (run, message) => {
    run.asked.abort = message;
    run.work?.cancel();
  },
  stop: (run, message) => {
    run.state.stop = planOf(message, run.state.stop);
    run.progress.planRevision += 1;
    note(run, 'stop-planned', describePlan(run.state.stop));
  },
};

/** What `then` does not say stays as it was planned. */
function planOf(message: StopMessage, before: StopPlan | undefined): StopPlan {
  const then = message.then ?? before?.then ?? 'finish';
  if (message.at !== undefined) return { kind: 'at', at: message.at, then };
  return { kind: message.now ? 'now' : 'never', then };
}

function describePlan({ kind, at, then }: StopPlan): string {
  if (kind === 'never') return 'no stop is planned';
  return `stop ${kind === 'at' ? `at ${at ?? ''}` : 'now'}, then ${then}`;
}

/** A second keeper of one lane means that the first one's snapshot is not to be trusted any more. */
function receiveSnapshot(run: MigrationRun, signal: unknown): void {
  if (!isSnapshot(signal)) {
    note(run, 'refused', 'snapshot: only the snapshot keeper of a lane may send it');
    return;
  }
  const known = run.snapshots.get(signal.lane);
  if (known && known.id !== signal.id) run.snapshots.delete(signal.lane);
  else run.snapshots.set(signal.lane, signal);
}

function isSnapshot(signal: unknown): signal is SnapshotSignal {
  if (typeof signal !== 'object' || signal === null) return false;
  return (
    'id' in signal && typeof signal.id === 'string' && 'lane' in signal && typeof signal.lane === 'string'
  );
}
