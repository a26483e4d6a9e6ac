import type { MigrationView } from '../../client/index.js';
import { formatDuration, formatPercent, formatTime } from './format.js';
import { measureLoad } from './load-progress.js';
import { monitorFigures, renderLag } from './monitor-line.js';
import { notableEvents } from './notable-events.js';
import { paintWith } from './colour.js';
import { plain } from './text.js';

/** Steps of load, and time between two lines on lag, that are worth a line in a log. */
const LOAD_STEPS = 10;
const LAG_EVERY_MS = 30_000;

/** What to say in a log that the last line did not: for a watch without a terminal. Pure. */
export function renderChanges(before: MigrationView | undefined, view: MigrationView, now: Date): string[] {
  return [
    ...changedProblem(before, view),
    ...changedStatus(before, view),
    ...changedStages(before, view),
    ...changedLoad(before, view, now),
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

function changedLoad(before: MigrationView | undefined, view: MigrationView, now: Date): string[] {
  const isLoading = view.state.stages.some(({ name, status }) => name === 'load' && status === 'running');
  if (!isLoading) return [];
  const stepOf = (of: MigrationView) => Math.floor(measureLoad(of.state, of.live, now).fraction * LOAD_STEPS);
  const { fraction } = measureLoad(view.state, view.live, now);
  const { tablesCopied, tables } = view.state.totals;
  const isNew = tables > 0 && (!before || stepOf(before) < stepOf(view));
  return isNew ? [`load: ${formatPercent(fraction)}, ${tablesCopied} of ${tables} tables`] : [];
}

function changedLag(before: MigrationView | undefined, view: MigrationView): string[] {
  const figures = monitorFigures(view);
  const known = before && monitorFigures(before);
  if (!figures) return [];
  const period = (at: string) => Math.floor(Date.parse(at) / LAG_EVERY_MS);
  if (known && period(known.at) === period(figures.at)) return [];
  return [renderLag({ paint: paintWith(false) }, figures)];
}

function newEvents(before: MigrationView | undefined, { state }: MigrationView): string[] {
  const seen = before?.state.events.at(-1)?.n ?? 0;
  return notableEvents(state.events)
    .filter(({ n }) => n > seen)
    .map(({ at, kind, text }) => `${formatTime(at)}  ${plain(kind)}  ${plain(text)}`);
}
