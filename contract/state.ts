/** What a migration says of itself: the answer of the `state`, `tables` and `events` queries. Version 1. */
import type { CutoverReport, Direction } from './cutover.js';
import type { ErrorCode } from './errors.js';
import type { Estimate, Finding } from './findings.js';
import type { LaneName, Lsn } from './names.js';
import type { StopThen } from './message-shapes.js';
import type { SchemaChange } from './schema-change.js';
import type { Verification } from './verification.js';

export type { CutoverReport } from './cutover.js';
export type { Estimate, Finding, Fix } from './findings.js';
export type { ChangeKind, SchemaChange } from './schema-change.js';

export const MODES = ['full-load', 'full-load-and-cdc', 'cdc'] as const;
export type Mode = (typeof MODES)[number];

export const STAGES = [
  'validate',
  'dump',
  'restore',
  'publish',
  'load',
  'subscribe',
  'monitor',
  'stop',
  'cutover',
  'protect',
  'rollback',
] as const;
export type StageName = (typeof STAGES)[number];

/** The stages that a person sees for a mode, in order; cutover joins them when it is asked for, protect and rollback with a way back. */
export function stagesOf(mode: Mode, method: LoadMethod): StageName[] {
  const schema: StageName[] = ['validate', 'dump', 'restore'];
  if (mode === 'cdc') return ['validate', 'publish', 'subscribe', 'monitor', 'stop'];
  if (mode === 'full-load') return method === 'dump' ? schema : [...schema, 'load'];
  // The server's own copy begins with the subscription.
  const load: StageName[] = method === 'native' ? ['subscribe', 'load'] : ['load', 'subscribe'];
  return [...schema, 'publish', ...load, 'monitor', 'stop'];
}

export type LoadMethod = 'stream' | 'dump' | 'native';
export type Status = 'running' | 'paused' | 'blocked' | 'stopped' | 'completed' | 'aborted';
export type StageStatus = 'waiting' | 'running' | 'done';

export interface StageState {
  name: StageName;
  status: StageStatus;
  /** ISO times; absent until it happened. */
  startedAt?: string;
  endedAt?: string;
}

export interface Blocked {
  stage: StageName;
  code: ErrorCode;
  message: string;
  /** The statement or step that mends it; then send `retry`. */
  remedy?: string;
  object?: string;
  /** With code APPLY_ERROR, where it could be found out. */
  applyError?: ApplyError;
  since: string;
}

/** The change that a lane fails to apply. */
export interface ApplyError {
  lane: LaneName;
  /** End of the commit of its transaction on the source: `retry` with this as `skip` leaves out that transaction. */
  lsn: Lsn;
  xid: string;
  committedAt: string;
  operation: 'insert' | 'update' | 'delete' | 'truncate';
  table: string;
  /** Of the row: `id = 7`; absent where the table has no key. */
  key?: string;
  /** The target server's own words. */
  message: string;
  /** Changes of the transaction, all of which a skip would leave out. */
  changes: number;
}

/** Something that a person should look at, while everything goes on. */
export interface Alert {
  /** What it is about, and how bad: `wal-50`, `wal-80`, `wal-100`, `lag`, `open-transaction`… */
  id: string;
  text: string;
  since: string;
}

export interface MigrationEvent {
  /** Counts from 1 and never repeats in a migration. */
  n: number;
  at: string;
  kind: string;
  text: string;
}

export interface LaneState {
  name: LaneName;
  /** copied: its rows are in, and it is not subscribed yet. lost: its slot is gone, and its tables are loaded again. */
  status: 'publishing' | 'loading' | 'copied' | 'applying' | 'stopped' | 'lost' | 'dropped';
  tables: number;
}

/** Sums over all tables of the migration. Bytes are strings: they may pass 2^53. */
export interface Totals {
  tables: number;
  tablesCopied: number;
  /** A table that is not split is one part. */
  parts: number;
  partsCopied: number;
  /** Estimate by pg_table_size when planned. */
  bytesPlanned: string;
  /** Of bytesPlanned: a finished part or table counts all that was planned for it, however much COPY carried. */
  bytesDone: string;
  /** COPY bytes. */
  bytesCopied: string;
  rowsCopied: string;
  indexes: number;
  indexesBuilt: number;
  constraints: number;
  constraintsBuilt: number;
}

export interface StopPlan {
  kind: 'at' | 'lsn' | 'now' | 'never';
  /** ISO, for kind `at`. */
  at?: string;
  /** For kind `lsn`. */
  lsn?: string;
  then: StopThen;
}

/** How the stop went: told by the marker. */
export interface StopReport {
  /** Id of the marker row in each lane's journal. */
  marker: string;
  /** The time that was asked for; absent when the stop was asked for at once. */
  plannedAt?: string;
  /** The source's clock, read right after the marker was committed. */
  committedAt: string;
  /** committedAt − plannedAt. */
  overshootMs?: number;
  /** The position that was asked for. */
  plannedLsn?: string;
  /** Bytes of the source's log from plannedLsn to the end of the marker's commit. */
  overshootBytes?: string;
  /** Set when the marker was late, and why. */
  late?: string;
  /** Where each lane stands: the end of the marker's commit in the source's log. */
  lanes: { lane: LaneName; lsn: Lsn }[];
  /** How long the wait for the lanes took, which begins when the workflow knows that the marker is committed. */
  stoppedAfterMs: number;
}

/** How the source's schema differs from the one that was dumped. */
export interface SeenDrift {
  /** The first 50, tables and columns first. */
  changes: SchemaChange[];
  total: number;
  /** Of all changes: another digest is another drift. */
  digest: string;
}

export interface Drift extends SeenDrift {
  /** ISO, when it was seen first. */
  since: string;
}

export interface MigrationState {
  version: 1;
  name: string;
  owner: string;
  mode: Mode;
  method: LoadMethod;
  status: Status;
  /** The stage that runs or ran last. */
  stage: StageName;
  stages: StageState[];
  blocked?: Blocked;
  /** While it is asked for. In monitor the lanes stand once their status is `stopped`. */
  paused?: { since: string; by?: string };
  lanes: LaneState[];
  totals: Totals;
  /** While rows are copied: the largest tables of status `copying`, at most 20, the largest first. */
  copying?: TableRow[];
  /** How many tables are copied, and indexed, at the same time; from validate on. */
  load?: { jobs: number; indexJobs: number };
  /** The last cutover or rollback that was asked for. */
  cutover?: CutoverReport;
  /** Which way changes flow. Absent: forward. */
  direction?: Direction;
  /** The last comparison of both databases; `verifying` while one runs. */
  verification?: Verification;
  verifying?: { since: string; by?: string };
  stop?: StopPlan & { report?: StopReport };
  /** The last figures that monitor returned; live ones are in its heartbeat. */
  monitor?: MonitorFigures;
  /** Absent while the source's schema is the one that was dumped. */
  drift?: Drift;
  /** Those that stand; that one came or went is an event. */
  alerts?: Alert[];
  findings: Finding[];
  /** Of the last validate; absent in migrations of older versions. */
  estimates?: Estimate[];
  /** The last 200. */
  events: MigrationEvent[];
  /** Once completed or aborted: what was done, and what is left. */
  outcome?: Outcome;
}

export interface Outcome {
  outcome: 'finished' | 'aborted';
  /** Objects that could not be removed, and how to. */
  leftovers: string[];
  sequencesSet?: number;
  report?: StopReport;
  /** The last cutover or rollback. */
  cutover?: CutoverReport;
  /** Told to the operator: e.g. that restored tables were left on the target. */
  notes: string[];
}

/** One row of the `tables` query. */
export interface TableRow {
  table: string;
  status: 'waiting' | 'copying' | 'copied' | 'ready';
  /** Planned size, pg_table_size, as a string. */
  bytesPlanned: string;
  /** COPY bytes and rows of its finished parts. */
  bytesCopied: string;
  rows: string;
  parts: number;
  partsCopied: number;
}

export interface TablesPage {
  total: number;
  offset: number;
  tables: TableRow[];
}

export interface ApplyErrors {
  /** Counters of pg_stat_subscription_stats (15+); absent before. */
  apply?: string;
  sync?: string;
  /** Conflict counters that are not zero (18+). */
  conflicts?: Record<string, string>;
}

/** What monitor measures; heartbeat details while it runs. */
export interface MonitorFigures {
  kind: 'monitor';
  at: string;
  lanes: LaneFigures[];
  /** pg_current_wal_lsn() of the source. */
  sourceLsn?: Lsn;
  /** Worst of all lanes: pg_wal_lsn_diff(current, confirmed_flush). */
  lagBytes: string;
  /** A heartbeat row's way from source commit to target; null until the first one came through. */
  lagMs: number | null;
  /** Bytes of WAL a second, written by the source and confirmed by the lanes. */
  sourceRate: number;
  applyRate: number;
  /** Seconds to catch up at the present rates; null when it does not catch up. */
  drainSeconds: number | null;
  /** Absent: none. */
  drift?: SeenDrift;
  /** Why the schemas could not be compared; then an absent `drift` means nothing. */
  driftUnknown?: string;
  /** Worst of all lanes: slots share the WAL that the source keeps, from the oldest position that one of them needs. */
  retainedBytes?: string;
  /** Bytes of `cdc.walBudget`, when the spec has one. */
  walBudget?: string;
  /** Of the source's whole cluster, the 5 oldest that write: no slot can release WAL from their begin on. */
  openTransactions?: OpenTransaction[];
  /** Those that stand. */
  alerts?: FoundAlert[];
}

/** An alert as it is measured: the workflow knows since when. */
export type FoundAlert = Omit<Alert, 'since'>;

/** Without its text, which may hold secrets. */
export interface OpenTransaction {
  /** Absent for a prepared one, which has a gid. */
  pid?: number;
  gid?: string;
  /** Since it began, or was prepared. */
  seconds: number;
  user: string;
  database: string;
  application?: string;
  /** Of pg_stat_activity, or `prepared`. */
  state: string;
}

export interface LaneFigures {
  lane: LaneName;
  enabled: boolean;
  workerPid: number | null;
  slotActive: boolean;
  /** Null: there is no slot. */
  walStatus: string | null;
  /** The slot has moved past changes that the target does not have. */
  isAhead?: true;
  /** WAL that the slot holds back on the source. */
  retainedBytes: string;
  /** What may still be written before the slot is in danger; absent without max_slot_wal_keep_size. */
  safeWalSize?: string;
  /** Why the server gave the slot up (17+); `conflict` on 16. */
  invalidationReason?: string;
  /** ISO: since when nobody reads from the slot (17+). */
  inactiveSince?: string;
  lagBytes: string;
  confirmedFlush: Lsn | null;
  /** Tables by pg_subscription_rel.srsubstate. */
  tables: Record<string, number>;
  /** The first 20 tables that are not in state `r`; absent: none. */
  notReady?: string[];
  errors: ApplyErrors;
  /** Only the slot was looked at: the lane is not subscribed yet, or the target is away. */
  slotOnly?: true;
}

/** Heartbeat details of a copying activity. */
export interface CopyFigures {
  kind: 'copy';
  table: string;
  /** Of a table that is split: then the bytes are this part's. */
  part?: number;
  /** COPY bytes so far. */
  bytes: string;
  bytesPlanned: string;
}

export type LiveFigures = MonitorFigures | CopyFigures | { kind: 'step'; text: string };
