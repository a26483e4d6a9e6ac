import type { LoadProgress, MigrationView } from '../../client/index.js';
import { formatBytes, formatDuration, formatPercent, formatRate, formatTime } from './format.js';
import { monitorFigures, renderLag } from './monitor-line.js';
import { notableEvents } from './notable-events.js';
import { paintWith } from './colour.js';
import { plain } from './text.js';

/** Time between two lines of a log, though nothing else has happened. */
const LOAD_EVERY_MS = 300_000;
const LAG_EVERY_MS = 30_000;

/** What to say in a log that the last line did not: for a watch without a terminal. Pure. */
export function renderChanges(before: MigrationView | undefined, view: MigrationView): string[] {
  return [
    ...changedProblem(before, view),
    ...changedStatus(before, view),
    ...changedStages(before, view),
    ...changedLoad(before, view),
    ...changedLag(before, view),
    ...newEvents(before, view),
  ];
}

function changedProblem(before: MigrationView | undefined, view: MigrationView): string[] {
  if (view.problem && view.problem.code !== before?.problem?.code)
    return [`waiting: ${plain(view.problem.message)}`];
  return before?.problem && !view.problem ? ['it answers again'] : [];
}

function changedStatus(before: MigrationView | undefined, { state, workflow }: MigrationView): string[] {
  const isNew = before?.state.status !== state.status || before.workflow !== workflow;
  if (!isNew) return [];
  const { blocked, status } = state;
  const hasEnded = status === 'completed' || status === 'aborted';
  const line = `${state.name}: ${workflow === 'running' || hasEnded ? status : workflow}`;
  if (status !== 'blocked' || !blocked) return [line];
  const remedy = blocked.remedy === undefined ? [] : [`  mend it: ${plain(blocked.remedy)}`];
  return [`${line} in ${blocked.stage}: ${blocked.code}: ${plain(blocked.message)}`, ...remedy];
}

function changedStages(before: MigrationView | undefined, { state }: MigrationView): string[] {
  const known = new Map(before?.state.stages.map(({ name, status }) => [name, status]));
  return state.stages
    .filter(({ name, status }) => status !== 'waiting' && known.get(name) !== status)
    .map(({ name, status, startedAt, endedAt }) => {
      const isTimed = startedAt !== undefined && endedAt !== undefined;
      return `${name}: ${status}${isTimed ? ` in ${formatDuration(Date.parse(endedAt) - Date.parse(startedAt))}` : ''}`;
    });
}

/** At every tenth, and every few minutes of a long load. */
function changedLoad(
  before: MigrationView | undefined,
  { load, state: { totals } }: MigrationView,
): string[] {
  if (!load) return [];
  const known = before?.load;
  const isStep = !known || tenths(known) < tenths(load);
  const isLate = known && periodOf(known.at, LOAD_EVERY_MS) < periodOf(load.at, LOAD_EVERY_MS);
  if (!isStep && !isLate) return [];
  const { tables, tablesCopied, parts, partsCopied } = totals;
  const { fraction, bytesDone, bytesPlanned, bytesPerSecond, millisecondsLeft } = load;
  const facts = [
    formatPercent(fraction),
    ...(bytesPlanned > 0 ? [`${formatBytes(bytesDone)} of ${formatBytes(bytesPlanned)}`] : []),
    `${tablesCopied} of ${tables} tables`,
    ...(parts > tables ? [`${partsCopied} of ${parts} parts`] : []),
    ...(bytesPerSecond === undefined ? [] : [formatRate(bytesPerSecond)]),
    ...(millisecondsLeft === undefined ? [] : [`all rows in ${formatDuration(millisecondsLeft)}`]),
  ];
  return [`load: ${facts.join(', ')}`];
}

function tenths({ fraction }: LoadProgress): number {
  return Math.floor(fraction * 10);
}

function periodOf(at: string, length: number): number {
  return Math.floor(Date.parse(at) / length);
}

function changedLag(before: MigrationView | undefined, view: MigrationView): string[] {
  const figures = monitorFigures(view);
  const known = before && monitorFigures(before);
  if (!figures) return [];
  if (known && periodOf(known.at, LAG_EVERY_MS) === periodOf(figures.at, LAG_EVERY_MS)) return [];
  return [renderLag({ paint: paintWith(false) }, figures)];
}

function newEvents(before: MigrationView | undefined, { state }: MigrationView): string[] {
  const seen = before?.state.events.at(-1)?.n ?? 0;
  return notableEvents(state.events)
    .filter(({ n }) => n > seen)
    .map(({ at, kind, text }) => `${formatTime(at)}  ${plain(kind)}  ${plain(text)}`);
}
