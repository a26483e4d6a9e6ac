/**
 * The activities that the workflow calls: names and shapes are a public contract, because histories hold them.
 * Shapes are plain JSON; LSNs, byte and row counts are strings.
 */
import type { LaneName, Lsn } from './names.js';
import type { Finding, MonitorFigures, SeenDrift, StopPlan, TableRow } from './state.js';
import type { Spec, SpecInput } from './spec.js';

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

/** Tables that one activity copies, one after the other. Ids are ledger ids. */
export interface Batch {
  tables: number[];
  label: string;
  /** Planned bytes. */
  bytes: string;
}

export interface LoadPlan {
  batches: Batch[];
  tables: number;
  bytes: string;
}

export interface IndexPlan {
  batches: Batch[];
  indexes: number;
  foreignKeys: number;
}

export interface CopiedTable {
  id: number;
  table: string;
  rows: string;
  bytes: string;
}

/** The keeper's word to its workflow, by the `snapshot` signal. */
export interface SnapshotSignal {
  /** Unique per keeper attempt: a second id of one lane means that the first keeper is dead. */
  id: string;
  lane: LaneName;
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
}

export interface Removed {
  /** What could not be removed, and the statement that does. */
  leftovers: string[];
  /** What was left on purpose, for the operator. */
  notes: string[];
}

export interface Activities {
  validate(input: { input: SpecInput; owner: string }): Promise<ValidateResult>;

  dumpSchema(input: { run: Run }): Promise<DumpResult>;
  restorePreData(input: { run: Run }): Promise<RestoreResult>;

  /** The queue of the worker host that answers: what follows stays on its disk. */
  findHost(input: { run: Run }): Promise<{ queue: string }>;
  dumpDatabase(input: { run: Run }): Promise<DataDump>;
  /** The data section only, onto empty tables. */
  restoreData(input: { run: Run; lane: LaneName; dump: DataDump }): Promise<void>;
  /** Removes the migration's folder on this host. */
  discardDump(input: { run: Run }): Promise<void>;

  /** Mode cdc: enters the tables of the source in the ledger, which no dump has done. */
  enterTables(input: { run: Run }): Promise<{ tables: number }>;
  publishLane(input: { run: Run; lane: LaneName }): Promise<{ tables: number }>;
  dropLane(input: { run: Run; lane: LaneName }): Promise<Removed>;

  /** Holds the snapshot until it is cancelled; tells it by the `snapshot` signal. One attempt only. */
  keepSnapshot(input: { run: Run; lane: LaneName; slot: boolean }): Promise<void>;
  planLoad(input: { run: Run; lane: LaneName }): Promise<LoadPlan>;
  copyBatch(input: { run: Run; lane: LaneName; snapshot: string; batch: Batch }): Promise<CopiedTable[]>;
  planIndexes(input: { run: Run }): Promise<IndexPlan>;
  buildIndexes(input: { run: Run; batch: Batch }): Promise<{ indexes: number }>;
  buildForeignKeys(input: { run: Run }): Promise<{ constraints: number }>;
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
   * or none any more.
   */
  monitor(input: {
    run: Run;
    lanes: LaneName[];
    retired: string[];
    standing: boolean;
    seconds: number;
    knownDrift?: string;
  }): Promise<MonitorFigures>;

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
  }): Promise<Stopped>;
  /** Disarms the marker; lanes that stand at it go on from there, those that stand at another stay. */
  resumeLanes(input: { run: Run; marker: MarkerPlan }): Promise<{ applying: boolean }>;
  /** Reasons against a cutover at this moment; none: it can begin. */
  checkCutover(input: { run: Run; lanes: LaneName[] }): Promise<{ reasons: string[] }>;
  /** Where the source's log ends now. */
  readPosition(input: { run: Run }): Promise<{ lsn: Lsn }>;

  setSequences(input: { run: Run }): Promise<{ sequences: number }>;
  /** Removes every object of ours on both ends; the restored tables too when asked. */
  removeObjects(input: { run: Run; dropTarget: boolean }): Promise<Removed>;
}
