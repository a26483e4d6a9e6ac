/** Registers every query, signal and update, synchronously, before anything else happens. */
import {
  ApplicationFailure,
  currentUpdateInfo,
  defineQuery,
  defineSignal,
  defineUpdate,
  setDefaultSignalHandler,
  setHandler,
} from '@temporalio/workflow';
import type { SnapshotSignal } from '../contract/activities.js';
import { MESSAGES, MESSAGE_NAMES, QUERIES, SNAPSHOT_SIGNAL } from '../contract/messages.js';
import type { MessageName, MessageShapes } from '../contract/message-shapes.js';
import { compareLsn } from '../contract/names.js';
import type { ErrorCode } from '../contract/errors.js';
import type { MigrationEvent, MigrationState, TablesPage } from '../contract/state.js';
import { accept } from './accept.js';
import type { Situation } from './accept.js';
import { asError } from './as-error.js';
import { takeDrift } from './drift.js';
import { glance } from './proxies.js';
import { note, runArgument } from './run.js';
import type { MigrationRun } from './run.js';
import { take } from './take.js';

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

interface Refusal {
  code: ErrorCode;
  reason: string;
}

/** A signal that cannot be taken becomes an event; an update is refused with the reason. */
function registerMessage<Name extends MessageName>(run: MigrationRun, name: Name): void {
  const { description } = MESSAGES[name];
  setHandler(
    defineSignal<[unknown]>(name),
    (argument) => receive(run, { name, argument }, ({ reason }) => note(run, 'refused', reason)),
    { description },
  );
  setHandler(
    defineUpdate<MigrationState, [unknown]>(name),
    async (argument) => {
      if (wasTaken(run)) return run.state;
      await receive(run, { name, argument }, ({ reason, code }) => {
        throw ApplicationFailure.nonRetryable(reason, code);
      });
      noteTaken(run);
      return run.state;
    },
    {
      description,
      validator: (argument) => {
        if (wasTaken(run)) return;
        const judged = judge(run, name, argument);
        if ('reason' in judged) throw ApplicationFailure.nonRetryable(judged.reason, judged.code);
      },
    },
  );
}

/** More than one task takes. */
const UPDATES_KEPT = 50;

function noteTaken({ progress }: MigrationRun): void {
  const { id } = currentUpdateInfo() ?? {};
  if (id !== undefined) progress.updates = [...(progress.updates ?? []), id].slice(-UPDATES_KEPT);
}

/**
 * By this run or the one before: an Update that is answered by the same task that continues as new may be brought to the
 * new run again (temporalio/temporal#6375), as the server tells its runs' Updates apart.
 */
function wasTaken({ progress }: MigrationRun): boolean {
  const { id } = currentUpdateInfo() ?? {};
  return id !== undefined && progress.updates?.includes(id) === true;
}

/** Takes the message or refuses it, at once; only a stop at an LSN must look at the source first. */
async function receive<Name extends MessageName>(
  run: MigrationRun,
  { name, argument }: { name: Name; argument: unknown },
  refuse: (refusal: Refusal) => void,
): Promise<void> {
  // Another message of the same task may have changed the answer since an update's validator looked.
  let judged = judge(run, name, argument);
  if ('reason' in judged) return refuse(judged);
  const lsn = 'lsn' in judged.message ? judged.message.lsn : undefined;
  if (lsn !== undefined && run.spec) {
    const { planRevision } = run.progress;
    const passed = await whyPassed(run, lsn);
    const overtaken = run.progress.planRevision === planRevision ? undefined : OVERTAKEN;
    const reason = passed ?? overtaken;
    judged = reason === undefined ? judge(run, name, argument) : refused(name, reason);
    if ('reason' in judged) return refuse(judged);
  }
  take(run, name, judged.message);
}

const OVERTAKEN = 'another stop was asked for while the source was looked at';

async function whyPassed(run: MigrationRun, lsn: string): Promise<string | undefined> {
  try {
    const at = await glance('look where the source is').readPosition({ run: runArgument(run) });
    return compareLsn(at.lsn, lsn) >= 0 ? `the source has passed ${lsn}: it is at ${at.lsn}` : undefined;
  } catch (error) {
    return `the source cannot be asked where it is: ${asError(error).message}`;
  }
}

function judge<Name extends MessageName>(
  run: MigrationRun,
  name: Name,
  argument: unknown,
): { message: MessageShapes[Name] } | Refusal {
  const parsed = MESSAGES[name].parse(argument);
  if (!parsed.ok) return { code: 'MESSAGE_INVALID', reason: `${name}: ${parsed.reason}` };
  const verdict = accept(name, parsed.value, {
    state: run.state,
    markerCommitted: run.progress.committed !== undefined,
    standing: run.progress.report !== undefined,
    underWay: underWay(run),
  });
  return verdict.accepted ? { message: parsed.value } : refused(name, verdict.reason);
}

function refused(name: MessageName, reason: string): Refusal {
  return { code: 'MESSAGE_REFUSED', reason: `${name} is not accepted: ${reason}` };
}

function underWay({ asked, ending, progress }: MigrationRun): Situation['underWay'] {
  if (asked.abort) return 'abort';
  if (asked.restart) return 'restart';
  if (ending) return ending;
  if (asked.finish) return 'finish';
  if (asked.resume === true || progress.resumeFrom) return 'resume';
  return asked.cutover ? 'cutover' : undefined;
}

/** A second word of one keeper means that it was begun twice: its snapshot is not to be trusted any more. */
function receiveSnapshot(run: MigrationRun, signal: unknown): void {
  if (!isSnapshot(signal)) {
    note(run, 'refused', 'snapshot: only the snapshot keeper of a lane may send it');
    return;
  }
  const told = run.snapshots.get(signal.lane) ?? new Map<number, SnapshotSignal>();
  const known = told.get(signal.keeper);
  if (known && known.id !== signal.id) told.delete(signal.keeper);
  else told.set(signal.keeper, signal);
  run.snapshots.set(signal.lane, told);
  // The first keeper alone compares: the others hold what it has made.
  if (signal.keeper === 1) takeDrift(run, signal.drift);
}

function isSnapshot(signal: unknown): signal is SnapshotSignal {
  if (typeof signal !== 'object' || signal === null) return false;
  return (
    'id' in signal &&
    typeof signal.id === 'string' &&
    'lane' in signal &&
    typeof signal.lane === 'string' &&
    'keeper' in signal &&
    typeof signal.keeper === 'number'
  );
}
