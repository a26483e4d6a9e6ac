/** What the results of activities tell a report. */
import type { Activities, MarkerPlan } from '../../contract/activities.js';
import type { Spec } from '../../contract/spec.js';
import type { LoadMethod, StageName, TableRow } from '../../contract/state.js';
import { collectEvents, collectFigures, collectVerification, forgetLoad, keepLast } from './collected.js';
import type { Collected } from './collected.js';

type Name = keyof Activities;
type Result<N extends Name> = Awaited<ReturnType<Activities[N]>>;

/** One that has completed. */
export interface EndedActivity {
  /** Decoded for those of `NEEDS_INPUT`. */
  input: unknown;
  result: unknown;
  summary: string | undefined;
  startedAt: string;
  endedAt: string;
}

/** The others' inputs hold the same spec again and again. */
export const NEEDS_INPUT: ReadonlySet<string> = new Set<Name>([
  'readTables',
  'copyBatch',
  'commitMarker',
  'confirmStopped',
  'enableLane',
  'cutOver',
  'verifyContent',
  'notify',
]);

/** Their results are nothing. */
const VOID: ReadonlySet<string> = new Set<Name>(['enableLane', 'notify']);

type Take<N extends Name> = (
  collected: Collected,
  ended: { input: Parameters<Activities[N]>[0]; result: Result<N> } & Omit<EndedActivity, 'input' | 'result'>,
) => void;

const TAKE: { [N in Name]?: Take<N> } = {
  validate: (collected, { result }) => {
    collected.spec = result.spec;
    collected.findings = result.findings;
    if (result.estimates) collected.estimates = result.estimates;
    if (result.pgtrek) collected.validators.add(result.pgtrek);
  },
  rehearse: (collected, { result }) => {
    collected.findings = [...collected.findings, ...result.findings];
  },
  dumpSchema: (collected, { result }) => {
    // A restart, and a change that is adopted, dump anew.
    collected.indexes = result.indexes;
    collected.constraints = result.constraints;
  },
  readTables: (collected, { input, result }) => {
    if (input.offset === 0) collected.tables.clear();
    for (const row of result) collected.tables.set(row.table, row);
  },
  copyBatch: takeCopied,
  buildIndexes: (collected, { result }) => {
    collected.indexesBuilt += result.indexes;
  },
  buildForeignKeys: (collected, { result }) => {
    collected.constraintsBuilt += result.constraints;
  },
  monitor: (collected, { result }) => collectFigures(collected, result),
  watchBeside: (collected, { result }) => collectFigures(collected, result),
  commitMarker: takeMarker,
  confirmStopped: (collected, { input, result, startedAt, endedAt }) => {
    const stop = collected.stops.get(result.marker ?? input.marker.marker);
    if (!stop) return;
    stop.confirmed = true;
    stop.lanes = result.lanes;
    stop.stoppedAfterMs ??= Math.max(0, Date.parse(endedAt) - Date.parse(startedAt));
  },
  enableLane: (collected, { input, endedAt }) => {
    if (input.skip === undefined) return;
    collected.skipped = keepLast(collected.skipped, { at: endedAt, lane: input.lane, lsn: input.skip }, MOST);
  },
  adoptChanges: (collected, { result, endedAt }) => {
    const { adopted, left, tables } = result;
    if (adopted.length + left.length + tables.length === 0) return;
    const adoption = {
      at: endedAt,
      adopted: adopted.slice(0, MOST),
      left: left.slice(0, MOST),
      tables: tables.slice(0, MOST),
    };
    collected.adoptions = keepLast(collected.adoptions, adoption, MOST);
  },
  cutOver: (collected, { input, result, endedAt }) => {
    const direction = isReversed(collected.spec, input.run.spec) ? 'back' : 'forward';
    collected.fences = keepLast(collected.fences, { at: endedAt, direction, result }, MOST);
  },
  verifyContent: (collected, { input, result }) =>
    collectVerification(collected, {
      ...result,
      ...(input.tables ? { patterns: input.tables } : {}),
      ...(isReversed(collected.spec, input.run.spec) ? { direction: 'back' } : {}),
    }),
  notify: (collected, { input }) => collectEvents(collected, input.notification.events),
};

/** Of each kind; more are a sign that something else is wrong. */
const MOST = 100;

export function collectActivity(collected: Collected, type: string, ended: EndedActivity): void {
  widenStage(collected, type, ended);
  const take = TAKE[type as Name] as ((collected: Collected, ended: EndedActivity) => void) | undefined;
  const { result } = ended;
  if (take && ((result !== undefined && result !== null) || VOID.has(type))) take(collected, ended);
}

/** A run that validates once more loads everything anew. */
export function collectSchedule(collected: Collected, type: string): void {
  if (type === 'validate') forgetLoad(collected);
}

function takeCopied(
  { copying, tables }: Collected,
  { input, result, startedAt, endedAt }: Parameters<Take<'copyBatch'>>[1],
): void {
  const from = Date.parse(startedAt);
  const to = Date.parse(endedAt);
  addBusy(copying.busy, { from, to });
  for (const { table, bytes, rows } of result.copied) {
    copying.bytes += BigInt(bytes);
    const row = tables.get(table);
    if (row && row.partsCopied < row.parts) tables.set(table, withPart(row, { bytes, rows }));
    if (result.copied.length > 1) continue;
    const known = copying.alone.get(table);
    const before = known?.lane === input.lane ? known : { lane: input.lane, from, to, bytes: 0n };
    copying.alone.set(table, {
      lane: input.lane,
      from: Math.min(before.from, from),
      to: Math.max(before.to, to),
      bytes: before.bytes + BigInt(bytes),
    });
  }
}

function withPart(row: TableRow, { bytes, rows }: { bytes: string; rows: string }): TableRow {
  const partsCopied = row.partsCopied + 1;
  return {
    ...row,
    bytesCopied: String(BigInt(row.bytesCopied) + BigInt(bytes)),
    rows: String(BigInt(row.rows) + BigInt(rows)),
    partsCopied,
    status: partsCopied < row.parts ? 'copying' : 'copied',
  };
}

/** Activities end in the order of the history, so only the last stretches can touch a new one. */
function addBusy(busy: { from: number; to: number }[], stretch: { from: number; to: number }): void {
  let { from } = stretch;
  for (let last = busy.at(-1); last && last.to >= from; last = busy.at(-1)) {
    from = Math.min(from, last.from);
    busy.pop();
  }
  busy.push({ from, to: stretch.to });
}

function takeMarker(
  { stops }: Collected,
  { input, result, summary }: Parameters<Take<'commitMarker'>>[1],
): void {
  const { marker, plan, lanes }: MarkerPlan = input.marker;
  stops.set(marker, {
    marker,
    kind: plan.kind,
    purpose: summary ?? 'stop',
    ...result,
    ...(plan.at === undefined ? {} : { plannedAt: plan.at }),
    ...(plan.lsn === undefined ? {} : { plannedLsn: plan.lsn }),
    lanes: lanes.map((lane) => ({ lane, lsn: result.lsn })),
    confirmed: false,
  });
  const [oldest] = stops.keys();
  if (stops.size > MOST && oldest !== undefined) stops.delete(oldest);
}

function isReversed(forward: Spec | undefined, spec: Spec): boolean {
  const ends = ['host', 'port', 'database'] as const;
  return forward !== undefined && ends.every((key) => forward.target[key] === spec.source[key]);
}

/** Which stage an activity belongs to; those that run beside the stages are not here. */
const STAGE_OF: Partial<Record<Name, StageName>> = {
  validate: 'validate',
  rehearse: 'validate',
  dumpSchema: 'dump',
  dumpDatabase: 'dump',
  restorePreData: 'restore',
  restoreData: 'restore',
  enterTables: 'publish',
  publishLane: 'publish',
  planLoad: 'load',
  copyBatch: 'load',
  copyLargeObjects: 'load',
  awaitSync: 'load',
  planIndexes: 'load',
  buildIndexes: 'load',
  buildForeignKeys: 'load',
  restorePostData: 'load',
  analyze: 'load',
  subscribe: 'subscribe',
  makeSlot: 'subscribe',
  monitor: 'monitor',
  confirmStopped: 'stop',
  cutOver: 'cutover',
};

/** By dump and natively, indexes and keys are made as part of restore. */
const BY_RESTORE: ReadonlySet<string> = new Set<Name>([
  'planIndexes',
  'buildIndexes',
  'buildForeignKeys',
  'restorePostData',
  'analyze',
]);

function widenStage(collected: Collected, type: string, ended: EndedActivity): void {
  const { stages, spec, input } = collected;
  const { startedAt, endedAt } = ended;
  if (type === 'confirmStopped' && !isOfStop(collected, ended)) return;
  const method: LoadMethod = spec?.load.method ?? input?.load?.method ?? 'stream';
  const stage = method !== 'stream' && BY_RESTORE.has(type) ? 'restore' : STAGE_OF[type as Name];
  if (stage === undefined) return;
  const known = stages.get(stage);
  stages.set(stage, { startedAt: known?.startedAt ?? startedAt, endedAt });
}

/** A pause, and a change of the schema, let the lanes stand in monitor. */
function isOfStop({ stops }: Collected, { input }: EndedActivity): boolean {
  const { marker } = (input as Parameters<Activities['confirmStopped']>[0]).marker;
  return !/pause|change/.test(stops.get(marker)?.purpose ?? '');
}
