/** A report from what was collected. Pure. */
import { packageVersion } from '../../contract/package-version.js';
import type { Finding, MigrationEvent, TableRow, Totals } from '../../contract/state.js';
import { bytesOf } from '../../contract/values.js';
import type { WorkflowStatus } from '../workflow-status.js';
import { blotSecrets } from './blot-secrets.js';
import type { Collected } from './collected.js';
import { cutoversOf } from './cutovers.js';
import type { Completeness, MigrationReport, ReportEnd, ReportLoad, ReportTable } from './shape.js';
import { summarizeReport } from './summarize.js';
import { alertsOf, marksOf, stagesOf } from './timeline.js';

/** What is known of a migration beside its histories. */
export interface Circumstances {
  name: string;
  workflowId: string;
  owner: string;
  address: string;
  namespace: string;
  taskQueue?: string;
  workflow: WorkflowStatus;
  /** Temporal has removed the first runs. */
  isCut: boolean;
  /** Why the migration could not be asked itself; absent: it has answered. */
  silence?: string;
  madeAt: Date;
}

export function buildReport(collected: Collected, circumstances: Circumstances): MigrationReport {
  const { name, workflow, madeAt } = circumstances;
  const { state, outcome, memo, startedBy, failure } = collected;
  const events = [...collected.events.values()].sort((a, b) => a.n - b.n);
  const endedAt = workflow === 'running' ? undefined : collected.runs.at(-1)?.endedAt;
  const startedAt = memo?.startedAt ?? collected.runs[0]?.startedAt;
  const status = statusOf(collected, workflow);
  const blocked = workflow === 'running' ? state?.blocked : undefined;
  const facts: Omit<MigrationReport, 'summary'> = {
    version: 1,
    madeAt: madeAt.toISOString(),
    name,
    workflow,
    ...(status ? { status } : {}),
    ...(state ? { mode: state.mode, method: state.method } : modeOf(collected)),
    direction: state?.direction ?? 'forward',
    ...endsOf(collected),
    ...(startedAt ? { startedAt } : {}),
    ...(endedAt ? { endedAt } : {}),
    ...(startedBy ? { startedBy } : {}),
    temporal: temporalOf(collected, circumstances),
    versions: {
      report: packageVersion(),
      ...(memo?.pgtrek ? { client: memo.pgtrek } : {}),
      workers: [...collected.validators],
      sdk: [...collected.sdk],
      workerIdentities: [...collected.workers],
    },
    completeness: completenessOf(collected, circumstances),
    ...((collected.spec ?? collected.input) ? { spec: collected.spec ?? collected.input } : {}),
    findings: collected.findings,
    ...(collected.estimates ? { estimates: collected.estimates } : {}),
    ...(blocked ? { blocked } : {}),
    stages: stagesOf(collected, events, { endedAt, isFinished: outcome?.outcome === 'finished' }),
    load: loadOf(collected),
    flow: flowOf(collected),
    marks: marksOf(events, collected),
    stops: [...collected.stops.values()],
    cutovers: cutoversOf(collected, events),
    verifications: collected.verifications,
    adoptions: collected.adoptions,
    alerts: alertsOf(events),
    skipped: collected.skipped.map((skip) => ({ ...skip, ...toldOf(events, skip.lsn) })),
    messages: collected.messages,
    messagesLeftOut: collected.messagesLeftOut,
    events,
    eventsMissing: missingOf(events),
    ...(outcome ? { outcome } : {}),
    ...(failure ? { failure } : {}),
  };
  const blotted = blotSecrets(facts);
  return { ...blotted, summary: summarizeReport(blotted) };
}

function statusOf({ state, outcome }: Collected, workflow: WorkflowStatus): MigrationReport['status'] {
  if (outcome) return outcome.outcome === 'aborted' ? 'aborted' : 'completed';
  if (workflow === 'cancelled') return 'aborted';
  return state?.status;
}

function modeOf({ spec, input }: Collected): Pick<MigrationReport, 'mode' | 'method'> {
  const mode = spec?.mode ?? input?.mode;
  const method = spec?.load.method ?? input?.load?.method;
  return { ...(mode ? { mode } : {}), ...(method ? { method } : {}) };
}

function endsOf({ spec, input, findings }: Collected): Pick<MigrationReport, 'source' | 'target'> {
  const source = endOf(spec?.source ?? input?.source, serverOf(findings, 'source'));
  const target = endOf(spec?.target ?? input?.target, serverOf(findings, 'target'));
  return { ...(source ? { source } : {}), ...(target ? { target } : {}) };
}

/** A spec that nobody has checked may lack anything. */
function endOf(
  written: { host?: string; port?: number | undefined; database?: string; user?: string } | undefined,
  server: string | undefined,
): ReportEnd | undefined {
  if (!written) return undefined;
  const { host = '?', port = 5432, database = '?', user = '?' } = written;
  return { host, port, database, user, ...(server ? { server } : {}) };
}

/** postgres/validate/connection.ts writes it. */
function serverOf(findings: Finding[], end: 'source' | 'target'): string | undefined {
  const why = findings.find(({ id }) => id === `${end}.connection`)?.why ?? '';
  return /: PostgreSQL (\S+?),? as user /.exec(why)?.[1];
}

function temporalOf(
  { runs, runsLeftOut }: Collected,
  { address, namespace, workflowId, taskQueue, owner }: Circumstances,
): MigrationReport['temporal'] {
  return { address, namespace, workflowId, ...(taskQueue ? { taskQueue } : {}), owner, runs, runsLeftOut };
}

function completenessOf(
  { runs, unreadable, eventsLeftOut }: Collected,
  { isCut, silence }: Circumstances,
): Completeness {
  const from = runs[0]?.startedAt;
  const missing = [
    isCut &&
      `Temporal has removed the histories of earlier runs, as their retention time is over: the report is complete from ${from ?? 'now'} on, and knows of what came before only what that run was handed.`,
    silence !== undefined &&
      `The migration itself did not answer (${silence}): all this is taken from its history, and events after its last answered message are not in it.`,
    unreadable > 0 &&
      `${String(unreadable)} payloads could not be decoded: give the data converter that the workers use.`,
    eventsLeftOut > 0 && `The oldest ${String(eventsLeftOut)} events were left out, as there are so many.`,
  ].filter((text) => typeof text === 'string');
  return { complete: missing.length === 0, ...(isCut && from ? { from } : {}), missing };
}

const TABLES_SHOWN = 100;

function loadOf(collected: Collected): ReportLoad {
  const { copying, tables } = collected;
  const rows = [...tables.values()];
  const size = ({ bytesCopied, bytesPlanned }: TableRow) => Number(bytesCopied) || Number(bytesPlanned);
  rows.sort((a, b) => size(b) - size(a) || a.table.localeCompare(b.table));
  const first = copying.busy[0];
  const last = copying.busy.at(-1);
  const busyMs = copying.busy.reduce((sum, { from, to }) => sum + to - from, 0);
  const totals = totalsOf(collected, rows);
  return {
    ...(totals ? { totals } : {}),
    ...(first && last
      ? { startedAt: new Date(first.from).toISOString(), endedAt: new Date(last.to).toISOString() }
      : {}),
    ...(busyMs > 0 ? { bytesPerSecond: Math.round((Number(copying.bytes) * 1_000) / busyMs) } : {}),
    tables: rows.slice(0, TABLES_SHOWN).map((row) => withRate(row, copying.alone.get(row.table))),
    tablesTotal: rows.length,
  };
}

function withRate(
  row: TableRow,
  copied: { from: number; to: number; bytes: bigint } | undefined,
): ReportTable {
  if (!copied || copied.to <= copied.from) return row;
  return { ...row, bytesPerSecond: Math.round((Number(copied.bytes) * 1_000) / (copied.to - copied.from)) };
}

/** The last state may be older than the last reading of the tables. */
function totalsOf(collected: Collected, rows: TableRow[]): Totals | undefined {
  const told = collected.state?.totals;
  if (rows.length === 0 || (told && told.tablesCopied >= rows.length)) return told;
  const sum = (of: (row: TableRow) => string) =>
    String(rows.reduce((total, row) => total + BigInt(of(row)), 0n));
  const count = (of: (row: TableRow) => number) => rows.reduce((total, row) => total + of(row), 0);
  const { indexes, indexesBuilt, constraints, constraintsBuilt } = collected;
  return {
    tables: rows.length,
    tablesCopied: count(({ status }) => (status === 'copied' || status === 'ready' ? 1 : 0)),
    parts: count(({ parts }) => parts),
    partsCopied: count(({ partsCopied }) => partsCopied),
    bytesPlanned: sum(({ bytesPlanned }) => bytesPlanned),
    bytesDone: sum(({ bytesPlanned, parts, partsCopied }) =>
      String((BigInt(bytesPlanned) * BigInt(partsCopied)) / BigInt(Math.max(1, parts))),
    ),
    bytesCopied: sum(({ bytesCopied }) => bytesCopied),
    rowsCopied: sum(({ rows: copied }) => copied),
    indexes,
    indexesBuilt,
    constraints,
    constraintsBuilt,
  };
}

function flowOf({ flow, spec }: Collected): MigrationReport['flow'] {
  const walBudget = bytesOf(spec?.cdc.walBudget ?? '');
  return {
    figures: flow.figures,
    lagMs: flow.lagMs.points(),
    lagBytes: flow.lagBytes.points(),
    retainedBytes: flow.retainedBytes.points(),
    ...(walBudget === undefined ? {} : { walBudget }),
  };
}

function toldOf(events: MigrationEvent[], lsn: string): { text?: string } {
  const event = events.findLast(({ kind, text }) => kind === 'skipped' && text.includes(lsn));
  return event ? { text: event.text } : {};
}

function missingOf(events: MigrationEvent[]): { from: number; to: number }[] {
  return events.flatMap(({ n }, index) => {
    const before = events[index - 1]?.n ?? 0;
    return n > before + 1 ? [{ from: before + 1, to: n - 1 }] : [];
  });
}
