/** One migration as its workflow holds it: what is carried from run to run, and what people asked for. */
import { ApplicationFailure, uuid4, workflowInfo } from '@temporalio/workflow';
import type { CancellationScope } from '@temporalio/workflow';
import type {
  CutOver,
  DataDump,
  Hook,
  MarkerCommitted,
  MarkerPlan,
  Run,
  SnapshotSignal,
} from '../contract/activities.js';
import type { Direction } from '../contract/cutover.js';
import { laneName } from '../contract/names.js';
import type { LaneName, Lsn } from '../contract/names.js';
import type {
  AbortMessage,
  CutoverMessage,
  RestartMessage,
  VerifyMessage,
} from '../contract/message-shapes.js';
import { reversedRun } from '../contract/reversed.js';
import type { ApplyError, MigrationState, StopPlan, StopReport, TableRow } from '../contract/state.js';
import type { Spec, SpecInput } from '../contract/spec.js';
import { firstState } from './first-state.js';

/** How far the migration is, beside what its state shows. Plain JSON: it is carried by continue-as-new. */
export interface Progress {
  /** Lanes that were ever made. */
  lanes: number;
  /** The lane that is being made; of an older run, the only one. */
  lane?: LaneName;
  /** The lane that its unfinished tables are leaving: it copies nothing more, whatever blocks meanwhile. */
  leaving?: LaneName;
  /** Where slots begin that were made without a snapshot, by lane. */
  slotsFrom?: Record<string, Lsn>;
  /** Relations that the lanes made so far leave for one to come. */
  waiting?: number;
  /** Tables belong to no lane: before monitor goes on they are loaded in a new one. */
  loadDue?: boolean;
  /** Lanes stream while others are made: tables are, or were, loaded again. */
  isAgain?: boolean;
  /** Whose slot is to be dropped, as the WAL budget is used up. */
  release?: LaneName;
  /** Lanes that lost their slot before they were subscribed, and why: what they copied is worth nothing. */
  lostSlots?: { lane: LaneName; why: string }[];
  /** All rows are on the target. */
  copied: boolean;
  /** Markers that were ever planned. */
  stops: number;
  /** The marker that is planned or committed, and the plan that it belongs to. */
  marker?: MarkerPlan & { revision: number };
  /** Ids of markers that were disarmed, or left behind. */
  retired: string[];
  committed?: MarkerCommitted;
  report?: StopReport;
  /** Raised by every accepted stop message. */
  planRevision: number;
  /** The marker at which a pause lets the lanes stand. */
  pauseMarker?: MarkerPlan;
  /** The marker at which the lanes stand while a change of the schema is brought over. */
  changeMarker?: MarkerPlan;
  /** Digest of the drift that was met already: nothing more is done about it. */
  metDrift?: string;
  /** The marker that the lanes leave when monitor begins again. */
  resumeFrom?: MarkerPlan;
  /** The lane that APPLY_ERROR holds, and the transaction that it is to leave out, as somebody asked for. */
  held?: { lane: LaneName; skip?: ApplyError & { by?: string } };
  /** How often a cutover or rollback has turned the lanes round. */
  turns?: number;
  /** The cutover or rollback that is under way. */
  changeover?: Changeover;
  /** The stop that was planned before a cutover took its place. */
  planBefore?: StopPlan;
  sequencesSet?: number;
  /** Foreign keys between lanes, made when all lanes stand. */
  keysLeft?: number;
  events: number;
  /** The host whose disk has, or may have, files of the dump method. */
  dumpHost?: string;
  /** The complete dump there. */
  dump?: DataDump;
  /** Ids of the Updates that were taken last: one that a run takes as it ends may be brought to the next run too. */
  updates?: string[];
  /** What the hooks of `spec.notify` were told. */
  notified?: Partial<Record<Hook, Told>>;
}

/** From the look that found nothing against it until it is done or undone. */
export interface Changeover {
  marker: MarkerPlan;
  /** Lanes the other way, each with a publication and a slot, or about to get them. */
  reverse: { lane: LaneName; tables: number }[];
  /** All of them are there. */
  isReady?: true;
  /** Once it is decided and done: what is left is to remove the lanes, and to turn round. */
  done?: Extract<CutOver, { outcome: 'done' }>;
}

/** How far one hook is. */
export interface Told {
  /** Number of the last event that it was told, or need not be told. */
  n: number;
  /** Last event of what it is being told: a repetition must have the same key. */
  telling?: number;
  /** Events that it could not be told, and has not heard of yet. */
  missed?: { from: number; to: number };
  /** The last that it was to be told failed; said once. */
  failed?: true;
}

export type Compared = 'equal' | 'different' | 'failed';

/** What people asked for and is not done yet. */
export interface Asked {
  retries: number;
  finish: boolean;
  /** To leave the marker of a stop. */
  resume?: boolean;
  /** A rollback too. */
  cutover?: CutoverMessage;
  /** How the comparison for the cutover that is asked for came out. */
  compared?: Compared;
  verify?: VerifyMessage;
  restart?: RestartMessage;
  /** A restart of the changed tables alone. */
  adopt?: boolean;
  abort?: AbortMessage | undefined;
}

export interface Carried {
  /** Absent after a restart: validate completes it again. */
  spec?: Spec;
  state: MigrationState;
  progress: Progress;
  asked?: Asked;
}

/** What runs beside the stages, until its scope is cancelled. */
export interface Beside {
  scope: CancellationScope;
  ended: Promise<void>;
}

export interface MigrationRun {
  input: SpecInput;
  owner: string;
  /** The completed spec; undefined until validate has passed. */
  spec: Spec | undefined;
  state: MigrationState;
  progress: Progress;
  tables: TableRow[];
  /** What the keepers of a lane's snapshot told, by their numbers. */
  snapshots: Map<LaneName, Map<number, SnapshotSignal>>;
  asked: Asked;
  /** The slots of all lanes exist, so a marker can be committed. */
  slotReady: boolean;
  /** The activity that waits for the planned time; it runs beside load and monitor. */
  clock: Beside | undefined;
  clockError: Error | undefined;
  /** A watch over WAL is under way beside the stage. */
  watchesBeside: boolean;
  /** Tells the hooks what happens. */
  notifier: Beside | undefined;
  /** The scope of the stage's work, which abort and restart cancel. */
  work: CancellationScope | undefined;
  /** What is left to do is the clean-up. */
  ending: 'finish' | 'restart' | undefined;
}

export function openRun(input: SpecInput, carried: Carried | undefined): MigrationRun {
  const { firstExecutionRunId } = workflowInfo();
  return {
    input,
    owner: firstExecutionRunId,
    spec: carried?.spec,
    state: carried?.state ?? firstState(input, firstExecutionRunId),
    progress: carried?.progress ?? {
      lanes: 0,
      copied: false,
      stops: 0,
      retired: [],
      planRevision: 0,
      events: 0,
    },
    tables: [],
    snapshots: new Map(),
    asked: carried?.asked ?? { retries: 0, finish: false },
    slotReady: carried?.progress.copied === true && carried.progress.loadDue !== true,
    clock: undefined,
    clockError: undefined,
    watchesBeside: false,
    notifier: undefined,
    work: undefined,
    ending: undefined,
  };
}

export function specOf(run: MigrationRun): Spec {
  if (!run.spec) throw ApplicationFailure.nonRetryable('the spec is used before validate', 'INTERNAL_ERROR');
  return run.spec;
}

/** What activities get: the ends as changes flow now. */
export function runArgument(run: MigrationRun): Run {
  const turns = turnsOf(run);
  if (turns === 0) return plainArgument(run);
  // A load belongs to the spec as it was given; lanes that were turned round are of mode cdc either way.
  return turns % 2 === 1 ? otherWay(plainArgument(run)) : otherWay(otherWay(plainArgument(run)));
}

/** From the spec's source to its target, whichever way changes flow. */
export function plainArgument(run: MigrationRun): Run {
  return { name: run.state.name, owner: run.owner, spec: specOf(run) };
}

export const otherWay = reversedRun;

export function turnsOf({ progress }: MigrationRun): number {
  return progress.turns ?? 0;
}

/** Lanes were turned round: they carry changes into tables that are there, and nothing is loaded any more. */
export function isTurned(run: MigrationRun): boolean {
  return turnsOf(run) > 0;
}

export function directionOf(run: MigrationRun): Direction {
  return turnsOf(run) % 2 === 1 ? 'back' : 'forward';
}

/** Specs that versions before the fence completed lack the field: their cutover stops the lanes, and fences nobody. */
export function hasFence({ spec }: MigrationRun): boolean {
  return spec !== undefined && 'cutover' in spec;
}

export function currentLane(run: MigrationRun): LaneName {
  if (!run.progress.lane) throw ApplicationFailure.nonRetryable('no lane is open', 'INTERNAL_ERROR');
  return run.progress.lane;
}

/** Specs that versions before alerts completed lack them: their histories know of no watch over WAL. */
export function hasAlerts({ spec }: MigrationRun): boolean {
  return spec !== undefined && 'alerts' in spec.cdc;
}

/** Those that carry tables: all but the dropped ones. */
export function activeLanes({ state }: MigrationRun): LaneName[] {
  return state.lanes.filter(({ status }) => status !== 'dropped').map(({ name }) => name);
}

/** Opens the next lane: its number is never used again. */
export function nextLane(run: MigrationRun): LaneName {
  run.progress.lanes += 1;
  run.progress.lane = laneName(run.state.name, run.progress.lanes);
  return run.progress.lane;
}

/** A marker for all lanes; its number is never used again. */
export function newMarker(run: MigrationRun, plan: StopPlan): MarkerPlan {
  run.progress.stops += 1;
  const { kind, at, lsn, then } = plan;
  return {
    marker: `${run.owner}:${String(run.progress.stops)}`,
    nonce: uuid4(),
    plan: { kind, then, ...(at === undefined ? {} : { at }), ...(lsn === undefined ? {} : { lsn }) },
    lanes: activeLanes(run),
  };
}

/** As activities get it: without what the workflow keeps beside it. */
export function plainMarker({ revision: _, ...marker }: NonNullable<Progress['marker']>): MarkerPlan {
  return marker;
}

/** Another stop than the one that stands; the stop clock takes it up at once. */
export function planStop(run: MigrationRun, plan: StopPlan): void {
  run.state.stop = plan;
  run.progress.planRevision += 1;
}

/** Queries answer with this many events; history holds the rest. */
const EVENTS_KEPT = 200;

export function note(run: MigrationRun, kind: string, text: string): void {
  run.progress.events += 1;
  run.state.events.push({ n: run.progress.events, at: new Date().toISOString(), kind, text });
  if (run.state.events.length > EVENTS_KEPT)
    run.state.events.splice(0, run.state.events.length - EVENTS_KEPT);
}
