/** One migration as its workflow holds it: what is carried from run to run, and what people asked for. */
import { ApplicationFailure, workflowInfo } from '@temporalio/workflow';
import type { CancellationScope } from '@temporalio/workflow';
import type { DataDump, MarkerCommitted, MarkerPlan, Run, SnapshotSignal } from '../contract/activities.js';
import { laneName } from '../contract/names.js';
import type { LaneName } from '../contract/names.js';
import type { AbortMessage } from '../contract/messages.js';
import type { MigrationState, StopReport, TableRow } from '../contract/state.js';
import type { Spec, SpecInput } from '../contract/spec.js';
import { firstState } from './first-state.js';

/** How far the migration is, beside what its state shows. Plain JSON: it is carried by continue-as-new. */
export interface Progress {
  /** Lanes that were ever made. */
  lanes: number;
  /** The lane that loads or streams now. */
  lane?: LaneName;
  /** All rows are on the target. */
  copied: boolean;
  /** Markers that were ever planned. */
  stops: number;
  /** The marker that is planned or committed, and the plan that it belongs to. */
  marker?: MarkerPlan & { revision: number };
  /** Ids of markers that were disarmed. */
  retired: string[];
  committed?: MarkerCommitted;
  report?: StopReport;
  /** Raised by every accepted stop message. */
  planRevision: number;
  sequencesSet?: number;
  events: number;
  /** The host whose disk has, or may have, files of the dump method. */
  dumpHost?: string;
  /** The complete dump there. */
  dump?: DataDump;
}

export interface Carried {
  spec: Spec;
  state: MigrationState;
  progress: Progress;
}

/** The activity that waits for the planned time; it runs beside load and monitor. */
export interface StopClock {
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
  /** The snapshots that keepers told of, by lane. */
  snapshots: Map<LaneName, SnapshotSignal>;
  asked: { retries: number; finish: boolean; abort: AbortMessage | undefined };
  /** The lane's slot exists, so a marker can be committed. */
  slotReady: boolean;
  clock: StopClock | undefined;
  clockError: Error | undefined;
  /** The scope of the stage's work, which abort cancels. */
  work: CancellationScope | undefined;
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
    asked: { retries: 0, finish: false, abort: undefined },
    slotReady: carried?.progress.copied ?? false,
    clock: undefined,
    clockError: undefined,
    work: undefined,
  };
}

export function specOf(run: MigrationRun): Spec {
  if (!run.spec) throw ApplicationFailure.nonRetryable('the spec is used before validate', 'INTERNAL_ERROR');
  return run.spec;
}

/** What activities get. */
export function runArgument(run: MigrationRun): Run {
  return { name: run.state.name, owner: run.owner, spec: specOf(run) };
}

export function currentLane(run: MigrationRun): LaneName {
  if (!run.progress.lane) throw ApplicationFailure.nonRetryable('no lane is open', 'INTERNAL_ERROR');
  return run.progress.lane;
}

/** Opens the next lane: its number is never used again. */
export function nextLane(run: MigrationRun): LaneName {
  run.progress.lanes += 1;
  run.progress.lane = laneName(run.state.name, run.progress.lanes);
  return run.progress.lane;
}

/** Queries answer with this many events; history holds the rest. */
const EVENTS_KEPT = 200;

export function note(run: MigrationRun, kind: string, text: string): void {
  run.progress.events += 1;
  run.state.events.push({ n: run.progress.events, at: new Date().toISOString(), kind, text });
  if (run.state.events.length > EVENTS_KEPT)
    run.state.events.splice(0, run.state.events.length - EVENTS_KEPT);
}
