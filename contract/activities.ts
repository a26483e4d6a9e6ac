/**
 * The activities that the workflow calls: names and shapes are a public contract, because histories hold them.
 * Shapes are plain JSON; LSNs, byte and row counts are strings.
 */
import type { CutoverFindings, Direction, FenceReport } from './cutover.js';
import type { LaneName, Lsn } from './names.js';
import type { SchemaChange } from './schema-change.js';
import type {
  Estimate,
  Finding,
  MigrationEvent,
  MigrationState,
  MonitorFigures,
  SeenDrift,
  StopPlan,
  TableRow,
} from './state.js';
import type { Spec, SpecInput } from './spec.js';
import type { Verification, VerifyKind } from './verification.js';

/** What nearly every activity needs to know. */
export interface Run {
  name: string;
  /** First run id of the workflow: the owner of all that is made. */
  owner: string;
  spec: Spec;
}

export interface ValidateResult {
  spec: Spec;
  findings: Finding[];
  /** Absent in results of older versions. */
  estimates?: Estimate[];
  /** Version of the worker's pgtrek; absent in results of older ones. */
  pgtrek?: string;
}

export interface DumpResult {
  /** Relations whose rows travel. */
  tables: number;
  indexes: number;
  constraints: number;
  /** Entries of the archive that will not be restored, each with the reason. */
  leftOut: string[];
}

/** A directory dump on the disk of one worker host. */
export interface DataDump {
  directory: string;
  bytes: string;
}

export interface RestoreResult {
  objects: number;
}

/** What one activity copies: small tables one after the other, or one part of a big one. Ids are ledger ids. */
export interface Batch {
  tables: number[];
  /** Of a table that is split, from 1 on; absent: whole tables. */
  part?: number;
  label: string;
  /** Planned bytes. */
  bytes: string;
}

/** What one activity builds: every index of some tables, or some indexes of one table. Ids are ledger ids. */
export interface IndexTask {
  tables: number[];
  /** Absent: all of them. */
  indexes?: number[];
  label: string;
  /** How much there is to do, to put the longest first: bytes of the indexes, and of the table for statistics. */
  bytes: string;
}

/** Tables whose indexes begin when all their rows are in: one big table, or small ones that travel together. */
export interface LoadGroup {
  copies: Batch[];
  indexes: IndexTask[];
}

/** The most work first. */
export interface LoadPlan {
  groups: LoadGroup[];
  /** Left to copy. */
  tables: number;
  parts: number;
  bytes: string;
  /** Large objects are to be copied too. */
  largeObjects: boolean;
}

export interface IndexPlan {
  tasks: IndexTask[];
  indexes: number;
  foreignKeys: number;
}

export interface CopiedPart {
  id: number;
  table: string;
  /** Of a table that is split. */
  part?: number;
  rows: string;
  bytes: string;
}

export interface CopyResult {
  copied: CopiedPart[];
  /** Tables that the snapshot shows no longer, or not whole: they go to a new lane. */
  rewritten: { id: number; table: string; why: string }[];
}

export interface KeyResult {
  constraints: number;
  /** Keys between tables of several lanes: they are made when all lanes stand at one marker. */
  deferred: number;
  /** Keys that the data of the source breaks, with values: they are there, NOT VALID. */
  violations: string[];
}

/** The keeper's word to its workflow, by the `snapshot` signal. */
export interface SnapshotSignal {
  /** Unique per attempt: a second id of one keeper means that the first attempt is dead. */
  id: string;
  lane: LaneName;
  /** Counts the keepers of a lane, from 1 on. */
  keeper: number;
  /** The queue of its worker's host. */
  host: string;
  snapshot: string;
  /** The slot's consistent point; absent without a slot. */
  lsn?: Lsn;
  /** Changes since the dump that the snapshot sees, and that do not endanger the load. */
  drift?: SeenDrift;
}

export interface MarkerPlan {
  /** Id of the marker row, the same for a retry: owner and stop number. */
  marker: string;
  nonce: string;
  plan: StopPlan;
  lanes: LaneName[];
}

export interface MarkerCommitted {
  committedAt: string;
  /** End of the source's log right after the commit: at or shortly past the marker. */
  lsn: Lsn;
  overshootMs?: number;
  overshootBytes?: string;
  late?: string;
}

export interface Stopped {
  lanes: { lane: LaneName; lsn: Lsn }[];
  /** The marker that they stand at, when another one than the given came first. */
  marker?: string;
  /** Those that stand right at a change of the schema, before the marker. */
  atChange?: LaneName[];
}

/** What was brought over of the source's schema changes. */
export interface Adoption {
  /** The target has them now. */
  adopted: SchemaChange[];
  /** They wait until the lanes stand. */
  left: SchemaChange[];
  /** Tables (qualified) that belong to no lane now, and are empty: they are loaded in a new one. */
  tables: string[];
}

/** `undone`: the lanes go on, and writers too. */
export type CutOver =
  | { outcome: 'done'; sequences: number; fence: FenceReport }
  | { outcome: 'undone'; reasons: string[]; fence?: FenceReport };

export interface Removed {
  /** What could not be removed, and the statement that does. */
  leftovers: string[];
  /** What was left on purpose, for the operator. */
  notes: string[];
}

/** Where events are told to: the parts of `spec.notify`. */
export type Hook = 'webhook' | 'command';

/** Some events in their order, for one hook. */
export interface Notification {
  hook: Hook;
  /** 1 to 50. */
  events: MigrationEvent[];
  /** Numbers of events before these, some of which the hook was meant to be told and was not. */
  missed?: { from: number; to: number };
  state: Pick<MigrationState, 'status' | 'stage'>;
}

export interface Activities {
  validate(input: { input: SpecInput; owner: string }): Promise<ValidateResult>;
  /** Restores the schema into a database of its own on the target, and drops it: what would fail is told. */
  rehearse(input: { run: Run }): Promise<{ findings: Finding[] }>;

  dumpSchema(input: { run: Run }): Promise<DumpResult>;
  restorePreData(input: { run: Run }): Promise<RestoreResult>;

  /** The queue of the worker host that answers: what follows stays on its disk. With `not`: of another host, where there is one. */
  findHost(input: { run: Run; not?: string }): Promise<{ queue: string }>;
  dumpDatabase(input: { run: Run }): Promise<DataDump>;
  /** The data section only, onto empty tables. */
  restoreData(input: { run: Run; lane: LaneName; dump: DataDump }): Promise<void>;
  /** Removes the migration's folder on this host. */
  discardDump(input: { run: Run }): Promise<void>;

  /** Mode cdc: enters the tables of the source in the ledger, which no dump has done. */
  enterTables(input: { run: Run }): Promise<{ tables: number }>;
  /** `waiting`: relations that are left for a lane to come; absent in the results of older workers. */
  publishLane(input: { run: Run; lane: LaneName }): Promise<{ tables: number; waiting?: number }>;
  /** Its tables are empty afterwards, and belong to no lane; the other lanes are let alone. */
  dropLane(input: { run: Run; lane: LaneName }): Promise<Removed>;

  /**
   * Gives up what the lane has not copied: its publication is reduced to the tables that are in, which stay; the others
   * are empty again, and belong to no lane. `tables`: how many stay, as the publication counts them; `left`: ids of
   * those that leave.
   */
  reduceLane(input: { run: Run; lane: LaneName }): Promise<{ tables: number; left: number[] }>;

  /**
   * Holds the snapshot until it is cancelled; tells it by the `snapshot` signal. One attempt only. `from`: snapshots of
   * other keepers, of which the first that lives is held too; without, the lane's own is made, with its slot if it has one.
   */
  keepSnapshot(input: {
    run: Run;
    lane: LaneName;
    slot: boolean;
    keeper: number;
    from?: string[];
  }): Promise<void>;
  /** What the lane's tables lack. */
  planLoad(input: { run: Run; lane: LaneName }): Promise<LoadPlan>;
  /** `snapshots`: names of the same one; `bytesPerSecond`: at most. */
  copyBatch(input: {
    run: Run;
    lane: LaneName;
    snapshots: string[];
    batch: Batch;
    bytesPerSecond?: number;
  }): Promise<CopyResult>;
  /** Throws SCHEMA_CHANGED when a table became a partition since the dump: its rows are in no lane. */
  checkPartitions(input: { run: Run }): Promise<void>;
  /** Those that are not there yet, batch after batch. */
  copyLargeObjects(input: {
    run: Run;
    lane: LaneName;
    snapshots: string[];
  }): Promise<{ objects: number; bytes: string }>;
  /** What tables lack, whether they are copied or not. */
  planIndexes(input: { run: Run }): Promise<IndexPlan>;
  /** `workers`: parallel maintenance workers of each build. */
  buildIndexes(input: { run: Run; task: IndexTask; workers: number }): Promise<{ indexes: number }>;
  /** `standing`: all lanes stand at one marker, so that keys between lanes can be made. */
  buildForeignKeys(input: { run: Run; standing: boolean }): Promise<KeyResult>;
  restorePostData(input: { run: Run }): Promise<RestoreResult>;
  refreshViews(input: { run: Run }): Promise<void>;
  analyze(input: { run: Run }): Promise<void>;
  readTables(input: { run: Run; offset: number; limit: number }): Promise<TableRow[]>;

  /** A slot without a snapshot, for lanes whose rows the server copies itself or nobody does; or takes the one given. */
  makeSlot(input: { run: Run; lane: LaneName }): Promise<{ lsn: Lsn }>;
  subscribe(input: { run: Run; lane: LaneName }): Promise<void>;
  /** Method native: until the server has copied every table of the lane. */
  awaitSync(input: { run: Run; lane: LaneName }): Promise<{ tables: number }>;
  /**
   * `retired`: markers that must not stop a lane; `standing`: the lanes have stopped and their slots are not needed to finish;
   * `knownDrift`: digest of the drift that the workflow knows, absent for none. Returns early when it sees another one,
   * or none any more; and when other alerts stand than `knownAlerts`. Absent: of a spec without alerts, and none is looked for.
   */
  monitor(input: {
    run: Run;
    lanes: LaneName[];
    retired: string[];
    standing: boolean;
    seconds: number;
    knownDrift?: string;
    knownAlerts?: string[];
    /** By a pause: a lane that stands at a change of the schema stays there. */
    paused?: boolean;
  }): Promise<MonitorFigures>;
  /**
   * What the slots hold back while no `monitor` runs; returns early when other alerts stand than `knownAlerts`. `idle`: lanes
   * that have a slot and are not subscribed.
   */
  watchBeside(input: {
    run: Run;
    lanes: LaneName[];
    idle: LaneName[];
    seconds: number;
    knownAlerts: string[];
  }): Promise<MonitorFigures>;
  /**
   * Drops the lane's slot to free WAL on the source, if it still holds back `cdc.walBudget` or more: what changes from then on
   * is lost for the lane. Its subscription is disabled, where the target answers.
   */
  giveSlotUp(input: { run: Run; lane: LaneName }): Promise<{ dropped: boolean; retainedBytes: string }>;

  /** Waits for the planned moment on the source's clock and commits the markers. */
  commitMarker(input: { run: Run; marker: MarkerPlan }): Promise<MarkerCommitted>;
  /** A change of plan: the old marker must have no effect. It may have fired already: then the lanes stand. */
  disarmMarker(input: { run: Run; marker: MarkerPlan }): Promise<{ fired: boolean }>;
  /** `lsn` of the committed marker: told where the target's role may not read its origin's progress. */
  confirmStopped(input: {
    run: Run;
    marker: MarkerPlan;
    lsn: Lsn;
    /** Markers at which nothing stands any more. */
    retired?: string[];
    /** A lane may stand right at a change of the schema instead; otherwise it goes on from there to the marker. */
    standAtChange?: boolean;
  }): Promise<Stopped>;
  /**
   * Until every lane stands at the marker, right at a change of the schema, or at one that it cannot apply: those have `stumbled`, and are disabled
   * like the others. One that had stumbled before is tried again first.
   */
  standForChange(input: {
    run: Run;
    marker: MarkerPlan;
    retired: string[];
  }): Promise<{ stumbled: LaneName[] }>;
  /** Disarms the marker; lanes that stand at it go on from there, those that stand at another stay. */
  resumeLanes(input: { run: Run; marker: MarkerPlan }): Promise<{ applying: boolean }>;
  /**
   * Lets a lane go on that APPLY_ERROR holds. `skip`: without the transaction whose commit ends there, which must be the
   * next one; otherwise APPLY_ERROR tells which is. `retired`: markers at which nothing stands any more.
   */
  enableLane(input: { run: Run; lane: LaneName; retired: string[]; skip?: Lsn }): Promise<void>;
  /** Reasons against a cutover at this moment; none: it can begin. With a spec that has a fence, of the fence too. */
  checkCutover(input: { run: Run; lanes: LaneName[] }): Promise<CutoverFindings>;
  /**
   * From the fence to its release, in one process. What a former attempt with this marker has decided is completed, anything else
   * that it left is undone. `lanes` of the marker flow from `run.spec.source` to its target; `reverse`: lanes the other way, whose slots
   * are there already, and begin where the target stands when it is opened.
   */
  cutOver(input: {
    run: Run;
    marker: MarkerPlan;
    maxPause: string;
    retired: string[];
    reverse: LaneName[];
    /** For the hooks. Absent: forward. */
    direction?: Direction;
  }): Promise<CutOver>;
  /** Removes lanes that are not needed any more, from both ends: subscription, slot, publication, journal. Their tables stay as they are. */
  closeLanes(input: { run: Run; lanes: LaneName[] }): Promise<Removed>;
  /** Compares both databases. `point`: nothing changes meanwhile; otherwise the lanes flow. Throws only what keeps it from comparing. */
  verifyContent(input: {
    run: Run;
    kind: VerifyKind;
    lanes: LaneName[];
    tables?: string[];
    repair?: boolean;
  }): Promise<Verification>;
  /** Where the source's log ends now. */
  readPosition(input: { run: Run }): Promise<{ lsn: Lsn }>;

  /**
   * Brings over what differs between the source's schema and the one that was dumped, and dumps it anew. While the lanes
   * run only what no change of theirs can stumble over; with `standing`, all: what cannot be altered in place is made
   * anew, and its tables leave their lanes.
   */
  adoptChanges(input: { run: Run; lanes: LaneName[]; standing: boolean }): Promise<Adoption>;

  /** Told at least once: whoever is told can drop what came before by its key. */
  notify(input: { run: Run; notification: Notification }): Promise<void>;

  setSequences(input: { run: Run }): Promise<{ sequences: number }>;
  /** Removes every object of ours on both ends; the restored tables too when asked. */
  /** `keepFixes`: what `validate --fix` has changed stays, because the migration begins again. */
  removeObjects(input: { run: Run; dropTarget: boolean; keepFixes?: boolean }): Promise<Removed>;
}
