/** What is allowed when: the one place that says whether a message is accepted. Pure. */
import type { MessageName, MessageShapes } from '../contract/message-shapes.js';
import { compareLsn } from '../contract/names.js';
import type { MigrationState, StageName } from '../contract/state.js';

export type Verdict = { accepted: true } | { accepted: false; reason: string };

/** What of the migration decides, beside its state. */
export interface Situation {
  state: MigrationState;
  /** The marker of the stop is committed: its point is fixed. */
  markerCommitted: boolean;
  /** Every lane stands at that marker, whatever blocks since then. */
  standing: boolean;
  /** What was accepted and is under way; nothing but abort comes in between. */
  underWay?: 'abort' | 'restart' | 'finish' | 'resume' | 'cutover' | undefined;
}

const yes: Verdict = { accepted: true };
const no = (reason: string): Verdict => ({ accepted: false, reason });

export function accept<Name extends MessageName>(
  name: Name,
  message: MessageShapes[Name],
  situation: Situation,
): Verdict {
  const { state, underWay } = situation;
  if (state.status === 'completed' || state.status === 'aborted')
    return no(`the migration has ${state.status}`);
  if (underWay && !COMES_BETWEEN[underWay].includes(name)) return no(UNDER_WAY[underWay]);
  return RULES[name](message, situation);
}

/** What a message has begun can block like any other work, and goes on after `retry`. Lanes that go on can be told where to stop. */
const COMES_BETWEEN: Record<keyof typeof UNDER_WAY, MessageName[]> = {
  abort: ['abort'],
  restart: ['abort', 'retry'],
  finish: ['abort', 'retry'],
  resume: ['abort', 'retry', 'stop'],
  cutover: ['abort', 'retry'],
};

const UNDER_WAY = {
  abort: 'the migration is being aborted',
  restart: 'the migration is being restarted',
  finish: 'the migration is finishing',
  resume: 'the lanes are about to go on',
  cutover: 'a cutover is under way',
} as const;

type Rules = {
  [Name in MessageName]: (message: MessageShapes[Name], situation: Situation) => Verdict;
};

const NO_REPLICATION = 'it is a full load, without replication';
const ENDS_BY_ITSELF = `${NO_REPLICATION}, and ends by itself`;
const BLOCKED = 'it is blocked: mend that, and retry, first';
const PAUSED = 'it is paused: resume first';
const STOPPING = 'the marker is committed: the lanes stop there';
const NO_WAY_FORWARD = 'the target is the primary now: send finish, or rollback where there is a way back';
const CUTOVER_DONE = 'the cutover is done: send finish, or resume to let the lanes go on';

const RULES: Rules = {
  retry: ({ skip }, { state }) => {
    if (state.status !== 'blocked') return no(`nothing blocks: it is ${state.status}`);
    if (skip === undefined) return yes;
    const failing = state.blocked?.applyError;
    if (!failing) return no('what blocks is no transaction that could be left out');
    return compareLsn(failing.lsn, skip) === 0
      ? yes
      : no(`the transaction that cannot be applied is ${failing.lsn}, not ${skip}`);
  },

  abort: ({ dropTarget }, { state, underWay }) => {
    if (!dropTarget) return yes;
    if (isSwitched(state))
      return no('a cutover has made the target the primary: what was restored there is in use');
    return underWay === 'cutover' ? no('a cutover is under way, and the target may be in use after it') : yes;
  },

  finish: (_, { state, markerCommitted, standing }) => {
    if (standing) return yes;
    if (state.mode === 'full-load') return no(ENDS_BY_ITSELF);
    if (state.paused) return no(PAUSED);
    if (isPrimary(state)) return yes;
    return no(
      markerCommitted
        ? 'the lanes do not stand at the marker yet'
        : `it is ${state.status}, not stopped: send stop first, with "then": "wait"`,
    );
  },

  stop: ({ never }, { state, markerCommitted, standing, underWay }) => {
    if (underWay === 'resume') return markerCommitted && !standing ? no(STOPPING) : yes;
    if (state.mode === 'full-load') return no(ENDS_BY_ITSELF);
    if (isPrimary(state)) return no(NO_WAY_FORWARD);
    // The target may be in use: its lanes must not go on as a side effect.
    if (isCutOver(state)) return no(CUTOVER_DONE);
    if (standing) return never ? no('the lanes have stopped: send resume to let them go on') : yes;
    return markerCommitted ? no(STOPPING) : yes;
  },

  pause: (_, { state, markerCommitted, standing }) => {
    if (state.paused) return no('it is paused already');
    if (standing) return no('the lanes stand already');
    if (isPrimary(state) && state.stage !== 'protect') return no(NO_WAY_FORWARD);
    // A marker that is committed during the load is far from the lanes still.
    if (markerCommitted && isReplicating(state)) return no(STOPPING);
    return state.status === 'blocked' ? no(BLOCKED) : yes;
  },

  resume: (_, { state, standing }) => {
    if (state.paused || standing) return yes;
    return no(isPrimary(state) ? NO_WAY_FORWARD : `it is ${state.status}: neither paused nor stopped`);
  },

  cutover: ({ dryRun }, { state, markerCommitted, standing }) => {
    if (state.mode === 'full-load') return no(NO_REPLICATION);
    if (state.status === 'blocked') return no(BLOCKED);
    if (state.paused) return no(PAUSED);
    if (isPrimary(state)) return no(NO_WAY_FORWARD);
    if (isCutOver(state)) return no(CUTOVER_DONE);
    if (standing) return dryRun ? no('the lanes stand already: there is nothing left to try') : yes;
    if (!isReplicating(state)) return no(`it is in ${state.stage}: changes do not flow yet`);
    return markerCommitted ? no(STOPPING) : yes;
  },

  rollback: (_, { state }) => {
    if (state.stage !== 'protect')
      return no(
        isPrimary(state)
          ? 'the cutover kept no way back: cutover.reverse was not set'
          : 'no cutover is done that could be taken back',
      );
    if (state.status === 'blocked') return no(BLOCKED);
    return state.paused ? no(PAUSED) : yes;
  },

  verify: ({ repair }, { state, standing }) => {
    if (state.mode === 'full-load') return no(`${NO_REPLICATION}: use pgtrek verify -f, with its spec`);
    if (state.verifying) return no('both databases are being compared already');
    if (!isReplicating(state)) return no(`it is in ${state.stage}: changes do not flow yet`);
    if (isPrimary(state) && state.stage !== 'protect') return no(NO_WAY_FORWARD);
    return repair && !standing
      ? no('rows are mended only while the lanes stand: stop, with "then": "wait"')
      : yes;
  },

  restartOnSchemaChange: ({ dropTarget }, { state }) => {
    if (!state.drift && state.blocked?.code !== 'SCHEMA_CHANGED')
      return no('no change of the source’s schema was reported');
    if (isSwitched(state)) return no('a cutover has made the target the primary: nothing is loaded any more');
    if (isCutOver(state)) return no(CUTOVER_DONE);
    if (state.mode === 'cdc')
      return no('mode cdc loads nothing again, so changes would be lost: abort, and start anew');
    if (!dropTarget) return no('it drops what was restored on the target: consent with {"dropTarget": true}');
    return yes;
  },

  setLoad: ({ jobs }, { state }) => {
    const { mode, method } = state;
    if (mode === 'cdc') return no('mode cdc loads nothing');
    if (!state.load) return no('validate has not passed yet');
    const last = method === 'dump' ? 'restore' : 'load';
    if (state.stages.some(({ name, status }) => name === last && status === 'done'))
      return no('the load is done');
    // Indexes are always built by us.
    return jobs !== undefined && method !== 'stream' ? no(JOBS_ARE_FIXED[method]) : yes;
  },
};

const JOBS_ARE_FIXED = {
  dump: 'pg_dump and pg_restore take jobs when they begin: only indexJobs can be changed',
  native: 'the target server copies by itself: only indexJobs can be changed',
} as const;

const REPLICATING: ReadonlySet<StageName> = new Set(['monitor', 'stop', 'cutover', 'protect', 'rollback']);

/** The lanes carry changes, so that a pause or a cutover is done by a marker. */
function isReplicating({ stage }: MigrationState): boolean {
  return REPLICATING.has(stage);
}

/** The stage goes when the lanes leave its marker; `state.cutover` still tells of it then. */
function isCutOver({ stage }: MigrationState): boolean {
  return stage === 'cutover';
}

/** A cutover with a fence is done, and the target was opened to writers. */
function isPrimary({ stage, cutover, direction }: MigrationState): boolean {
  return (
    direction === 'back' ||
    (stage === 'cutover' && cutover?.outcome === 'done' && cutover.fence !== undefined)
  );
}

/** The same, whether it was rolled back since or not: both ends were in use. */
function isSwitched(state: MigrationState): boolean {
  return isPrimary(state) || state.direction !== undefined;
}
