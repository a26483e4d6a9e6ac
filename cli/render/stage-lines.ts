import type { MigrationState, StageName, StageState } from '../../client/index.js';
import { describeCutover } from './cutover.js';
import { tellEstimate } from './estimates.js';
import { formatDuration, formatMany } from './format.js';
import { countFindings } from './group-findings.js';
import { noteOfLoad, renderLoad } from './load-lines.js';
import { monitorFigures, renderLag } from './monitor-line.js';
import type { Drawing } from './drawing.js';
import { describeStop } from './stop-line.js';
import { padTo, plain } from './text.js';

const NAME_COLUMN = 11;
const TIME_COLUMN = 11;
/** The mark, and a space behind it. */
const MARK_COLUMN = 2;

/** One line a stage: its mark, its name, how long it took, and what there is to say of it. */
export function renderStages(drawing: Drawing): string[] {
  return drawing.state.stages.flatMap((stage) => renderStage(drawing, stage));
}

function renderStage(drawing: Drawing, stage: StageState): string[] {
  const { paint, now, state } = drawing;
  const look = lookOf(state, stage);
  const mark = {
    done: paint.green('✔'),
    running: paint.cyan('▶'),
    blocked: paint.red('✖'),
    waiting: paint.dim('·'),
  };
  const name = padTo(stage.name, NAME_COLUMN);
  const time = padTo(timeOf(stage, now), TIME_COLUMN);
  const note =
    look === 'waiting' && stage.name !== 'stop' ? estimateOf(drawing, stage) : noteOf(drawing, stage);
  const text = look === 'waiting' ? paint.dim(`${name}${time}`) : `${name}${time}`;
  const line = `${mark[look]} ${text}${note}`.trimEnd();
  const isLoading = stage.name === 'load' && stage.status === 'running';
  return [line, ...(isLoading ? renderLoad(drawing, roomFor(drawing)) : [])];
}

function lookOf(
  { status, blocked }: MigrationState,
  stage: StageState,
): 'done' | 'running' | 'blocked' | 'waiting' {
  if (status === 'blocked' && blocked?.stage === stage.name) return 'blocked';
  return stage.status;
}

function timeOf({ startedAt, endedAt }: StageState, now: Date): string {
  if (startedAt === undefined) return '';
  const end = endedAt === undefined ? now.getTime() : Date.parse(endedAt);
  return formatDuration(end - Date.parse(startedAt));
}

/** Columns for what there is to say behind the name and the time. */
function roomFor({ width }: Drawing): number {
  return width - MARK_COLUMN - NAME_COLUMN - TIME_COLUMN;
}

function noteOf(drawing: Drawing, stage: StageState): string {
  const special: Partial<Record<StageName, () => string>> = {
    validate: () => noteOfFindings(drawing),
    load: () => noteOfLoad(drawing, stage, roomFor(drawing)),
    monitor: () => (stage.status === 'running' ? renderLag(drawing, monitorFigures(drawing)) : ''),
    stop: () => describeStop(drawing),
    cutover: () => describeCutover(drawing.state),
  };
  return special[stage.name]?.() || (stage.name === 'load' ? '' : noteOfStep(drawing, stage));
}

/** Of a stage that is yet to come. */
function estimateOf({ state: { estimates = [] }, paint }: Drawing, { name }: StageState): string {
  const estimate = estimates.find(({ stage }) => stage === name);
  return estimate ? paint.dim(tellEstimate(estimate)) : '';
}

/** The step that the running stage tells. */
function noteOfStep({ live, paint }: Drawing, { status }: StageState): string {
  const steps = status === 'running' ? live.filter((figures) => figures.kind === 'step') : [];
  return paint.dim(steps.map(({ text }) => plain(text)).join(', '));
}

function noteOfFindings({ state: { findings }, paint }: Drawing): string {
  const { ok, warn: warnings, block: blocks } = countFindings(findings);
  return [
    ok > 0 ? paint.dim(`${ok} ok`) : '',
    warnings > 0 ? paint.yellow(formatMany(warnings, 'warning')) : '',
    blocks > 0 ? paint.red(formatMany(blocks, 'block')) : '',
  ]
    .filter((part) => part !== '')
    .join(', ');
}
