/** What is known of a migration while its histories are read, event by event. Bounded, however long they are. */
import type { CutOver } from '../../contract/activities.js';
import type { Spec, SpecInput } from '../../contract/spec.js';
import type {
  Estimate,
  Finding,
  MigrationEvent,
  MigrationState,
  MonitorFigures,
  Outcome,
  StageName,
  TableRow,
} from '../../contract/state.js';
import type { MigrationMemo } from '../start-migration.js';
import { Series } from './series.js';
import type {
  ReportAdoption,
  ReportCutover,
  ReportMessage,
  ReportRun,
  ReportStop,
  ReportVerification,
} from './shape.js';

export interface Collected {
  runs: ReportRun[];
  runsLeftOut: number;
  memo?: Partial<MigrationMemo>;
  startedBy?: string;
  input?: Partial<SpecInput>;
  spec?: Spec;
  findings: Finding[];
  estimates?: Estimate[];
  /** Versions of pgtrek that validated. */
  validators: Set<string>;
  sdk: Set<string>;
  workers: Set<string>;
  /** The latest that an Update was answered with, or that a run handed over. */
  state?: MigrationState;
  /** By number. */
  events: Map<number, MigrationEvent>;
  eventsLeftOut: number;
  messages: ReportMessage[];
  messagesLeftOut: number;
  /** Of Updates that were accepted and are not answered yet. */
  openUpdates: Map<string, ReportMessage>;
  /** When activities of a stage ran first and last. */
  stages: Map<StageName, { startedAt: string; endedAt: string }>;
  copying: Copying;
  tables: Map<string, TableRow>;
  indexes: number;
  indexesBuilt: number;
  constraints: number;
  constraintsBuilt: number;
  flow: Flow;
  /** By their marker. */
  stops: Map<string, ReportStop>;
  /** Reports that a state has told. */
  cutovers: Map<string, ReportCutover>;
  /** What the activity told, with the time at which it ended. */
  fences: { at: string; direction: ReportCutover['direction']; result: CutOver }[];
  verifications: ReportVerification[];
  adoptions: ReportAdoption[];
  skipped: { at: string; lane: string; lsn: string }[];
  outcome?: Outcome;
  failure?: { code: string; message: string };
  /** Payloads of another encoding than this client's. */
  unreadable: number;
}

interface Flow {
  figures: number;
  last: string;
  lagMs: Series;
  lagBytes: Series;
  retainedBytes: Series;
}

interface Copying {
  /** Stretches of time in which something was copied, one after the other, in ms. */
  busy: { from: number; to: number }[];
  bytes: bigint;
  /** Of tables that were copied by themselves. */
  alone: Map<string, { lane: string; from: number; to: number; bytes: bigint }>;
}

export function openCollection(): Collected {
  return {
    runs: [],
    runsLeftOut: 0,
    findings: [],
    validators: new Set(),
    sdk: new Set(),
    workers: new Set(),
    events: new Map(),
    eventsLeftOut: 0,
    messages: [],
    messagesLeftOut: 0,
    openUpdates: new Map(),
    stages: new Map(),
    copying: emptyCopying(),
    tables: new Map(),
    indexes: 0,
    indexesBuilt: 0,
    constraints: 0,
    constraintsBuilt: 0,
    flow: { figures: 0, last: '', lagMs: new Series(), lagBytes: new Series(), retainedBytes: new Series() },
    stops: new Map(),
    cutovers: new Map(),
    fences: [],
    verifications: [],
    adoptions: [],
    skipped: [],
    unreadable: 0,
  };
}

/** A restart loads everything anew. */
export function forgetLoad(collected: Collected): void {
  collected.copying = emptyCopying();
  collected.tables.clear();
  Object.assign(collected, { indexes: 0, indexesBuilt: 0, constraints: 0, constraintsBuilt: 0 });
}

function emptyCopying(): Copying {
  return { busy: [], bytes: 0n, alone: new Map() };
}

/** A migration notes some hundred in its life; this many are 3 MB. */
const EVENTS_KEPT = 20_000;

/** A state, from wherever it comes: of all that it tells the newest stands. */
export function collectState(collected: Collected, state: MigrationState): void {
  collected.state = state;
  if (state.findings.length > 0) collected.findings = state.findings;
  if (state.estimates) collected.estimates = state.estimates;
  collectEvents(collected, state.events);
  if (state.cutover) collectCutover(collected, state);
  if (state.verification) collectVerification(collected, state.verification);
  if (state.monitor) collectFigures(collected, state.monitor);
  const report = state.stop?.report;
  if (report) collectStopReport(collected, report);
}

export function collectEvents(collected: Collected, events: MigrationEvent[]): void {
  for (const event of events) collected.events.set(event.n, event);
  for (const n of collected.events.keys()) {
    if (collected.events.size <= EVENTS_KEPT) return;
    collected.events.delete(n);
    collected.eventsLeftOut += 1;
  }
}

function collectCutover({ cutovers }: Collected, { cutover }: MigrationState): void {
  if (!cutover) return;
  cutovers.set(cutover.at, { ...cutover, direction: cutover.direction ?? 'forward' });
}

const VERIFICATIONS_KEPT = 20;

export function collectVerification(collected: Collected, verification: ReportVerification): void {
  if (collected.verifications.some(({ begunAt }) => begunAt === verification.begunAt)) return;
  collected.verifications = keepLast(collected.verifications, verification, VERIFICATIONS_KEPT);
}

/** Those that came already, and older ones, are passed over. */
export function collectFigures({ flow }: Collected, figures: MonitorFigures): void {
  if (figures.at <= flow.last) return;
  flow.last = figures.at;
  flow.figures += 1;
  const { at, lagMs } = figures;
  if (typeof lagMs === 'number') flow.lagMs.add({ at, value: lagMs });
  const watched = figures.lanes.filter(({ slotOnly }) => !slotOnly);
  if (watched.length > 0) flow.lagBytes.add({ at, value: Number(figures.lagBytes) });
  const retained = figures.retainedBytes ?? largest(figures.lanes.map(({ retainedBytes }) => retainedBytes));
  if (retained !== undefined) flow.retainedBytes.add({ at, value: Number(retained) });
}

function largest(bytes: string[]): number | undefined {
  return bytes.length === 0 ? undefined : Math.max(...bytes.map(Number));
}

export function collectStopReport(
  { stops }: Collected,
  report: NonNullable<NonNullable<MigrationState['stop']>['report']>,
): void {
  const { marker, lanes } = report;
  const known = stops.get(marker);
  const lsn = known?.lsn ?? lanes[0]?.lsn ?? '';
  const kind = report.plannedAt ? 'at' : report.plannedLsn ? 'lsn' : 'now';
  stops.set(marker, { kind, purpose: 'stop', ...known, ...report, lsn, confirmed: true });
}

export function keepLast<T>(list: T[], item: T, most: number): T[] {
  return [...list, item].slice(-most);
}
