/** What a report of a migration holds: plain data, version 1. docs/library.md#the-report explains it. */
import type { CutoverReport, Direction } from '../../contract/cutover.js';
import type { MessageName } from '../../contract/message-shapes.js';
import type { SchemaChange } from '../../contract/schema-change.js';
import type {
  Estimate,
  Finding,
  LoadMethod,
  MigrationEvent,
  Mode,
  Outcome,
  StageName,
  StageStatus,
  Status,
  StopReport,
  TableRow,
  Totals,
} from '../../contract/state.js';
import type { Verification } from '../../contract/verification.js';
import type { WorkflowStatus } from '../workflow-status.js';

/**
 * Times are ISO strings; LSNs, byte and row counts are strings, as they may pass 2^53. Lists are bounded, and say so where
 * something was left out. Passwords in texts are blotted out.
 */
export interface MigrationReport {
  version: 1;
  /** When it was made. */
  madeAt: string;
  name: string;
  /** One plain sentence: how it came out, or where it stands. */
  summary: string;
  /** How the workflow stands in Temporal's eyes. */
  workflow: WorkflowStatus;
  /** As far as it is known: a terminated migration says nothing more. */
  status?: Status;
  mode?: Mode;
  method?: LoadMethod;
  /** Which way changes flow at the end. */
  direction: Direction;
  source?: ReportEnd;
  target?: ReportEnd;
  startedAt?: string;
  endedAt?: string;
  /** Identity of the client that started it: process and machine. */
  startedBy?: string;
  temporal: ReportTemporal;
  versions: ReportVersions;
  completeness: Completeness;
  /** As it was asked for, completed by validate where that had come to its end. It holds no secrets, as passwords are references. */
  spec?: unknown;
  /** Of the last validate. */
  findings: Finding[];
  /** What validate expected each stage to take. */
  estimates?: Estimate[];
  blocked?: { stage: StageName; code: string; message: string; remedy?: string; since: string };
  stages: ReportStage[];
  load: ReportLoad;
  flow: ReportFlow;
  /** What the charts over time mark. */
  marks: ReportMark[];
  stops: ReportStop[];
  cutovers: ReportCutover[];
  verifications: ReportVerification[];
  adoptions: ReportAdoption[];
  alerts: ReportAlert[];
  /** Transactions of the source that somebody consented to leave out. */
  skipped: { at: string; lane: string; lsn: string; text?: string }[];
  /** Every signal and Update of people and services, with who sent it. */
  messages: ReportMessage[];
  messagesLeftOut: number;
  /** All that were noted, by number. */
  events: MigrationEvent[];
  /** Numbers of events that no history holds any more. */
  eventsMissing: { from: number; to: number }[];
  outcome?: Outcome;
  /** Of a workflow that failed. */
  failure?: { code: string; message: string };
}

export interface ReportEnd {
  host: string;
  port: number;
  database: string;
  user: string;
  /** Of PostgreSQL: `17.6`; absent where validate could not connect. */
  server?: string;
}

export interface ReportTemporal {
  address: string;
  namespace: string;
  workflowId: string;
  taskQueue?: string;
  /** First run id: the owner of all that pgtrek makes. */
  owner: string;
  /** Oldest first; a history that grows long is continued in a new run, and so is a restart. */
  runs: ReportRun[];
  runsLeftOut: number;
}

export interface ReportRun {
  runId: string;
  startedAt: string;
  endedAt?: string;
  ended?: 'continued' | Exclude<WorkflowStatus, 'running'>;
  /** Of its history. */
  events: number;
}

export interface ReportVersions {
  /** Of pgtrek: that made this report, that started the migration, that validated it. */
  report: string;
  client?: string;
  workers: string[];
  /** Of Temporal's SDK in the workers: `temporal-typescript 1.24.0`. */
  sdk: string[];
  /** Identities of the worker processes that did the work. */
  workerIdentities: string[];
}

export interface Completeness {
  complete: boolean;
  /** The report knows what happened from then on; absent: from the beginning. */
  from?: string;
  /** What is not in it and why, in plain sentences. */
  missing: string[];
}

/** One time that a stage ran; a stage runs again after a resume, a restart or a load of changed tables. */
export interface ReportStage {
  name: StageName;
  status: StageStatus;
  startedAt?: string;
  endedAt?: string;
  /** The times are those of its first and last activity, as no event tells them. */
  approximate?: true;
}

export interface ReportLoad {
  totals?: Totals;
  /** From the first copy to the last. */
  startedAt?: string;
  endedAt?: string;
  /** COPY bytes a second between these two. */
  bytesPerSecond?: number;
  /** The largest 100, by COPY bytes. */
  tables: ReportTable[];
  tablesTotal: number;
}

export interface ReportTable extends TableRow {
  /** COPY bytes a second of a table that was copied by itself; small ones travel together. */
  bytesPerSecond?: number;
}

/** At most 500 points a series; of several that were taken together the highest stands. */
export interface ReportFlow {
  /** How many figures monitor has returned. */
  figures: number;
  lagMs: SeriesPoint[];
  lagBytes: SeriesPoint[];
  retainedBytes: SeriesPoint[];
  /** `cdc.walBudget` in bytes. */
  walBudget?: number;
}

export interface SeriesPoint {
  at: string;
  value: number;
}

export type MarkKind = 'pause' | 'resume' | 'stop' | 'cutover' | 'blocked' | 'alert' | 'restart' | 'schema';

export interface ReportMark {
  at: string;
  kind: MarkKind;
  text: string;
}

/** A marker that was committed: the lanes stood at exactly this commit. */
export interface ReportStop extends Partial<Omit<StopReport, 'marker' | 'committedAt'>> {
  marker: string;
  committedAt: string;
  /** What was planned. */
  kind: 'at' | 'lsn' | 'now' | 'never';
  /** What it was for, in a few words. */
  purpose: string;
  /** End of the source's log right after the commit. */
  lsn: string;
  /** Whether the lanes were seen to stand there. */
  confirmed: boolean;
}

export interface ReportCutover extends CutoverReport {
  direction: Direction;
}

export interface ReportVerification extends Verification {
  /** Of those that were asked for; absent: all. */
  patterns?: string[];
}

export interface ReportAdoption {
  at: string;
  adopted: SchemaChange[];
  left: SchemaChange[];
  /** Loaded again in a new lane. */
  tables: string[];
}

export interface ReportAlert {
  text: string;
  since: string;
  /** Absent: it stands, or stood at the end. */
  until?: string;
}

export interface ReportMessage {
  at: string;
  /** cancel and terminate are Temporal's own. */
  kind: 'signal' | 'update' | 'cancel' | 'terminate';
  name: MessageName | (string & {});
  /** Of the sender, as Temporal recorded it: process and machine, or whatever it calls itself. */
  identity: string;
  /** What the sender says of himself. */
  by?: string;
  reason?: string;
  /** Without `by` and `reason`. */
  argument?: unknown;
  /** Why an Update was refused after it had been accepted. */
  refused?: string;
}
