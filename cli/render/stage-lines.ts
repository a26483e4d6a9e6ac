import type { MigrationState, StageName, StageState } from '../../client/index.js';
import { describeCutover } from './cutover.js';
import { formatBytes, formatDuration, formatMany, formatPercent, formatRate } from './format.js';
import { describePace } from './load-pace.js';
import { measureLoad } from './load-progress.js';
import { monitorFigures, renderLag } from './monitor-line.js';
import { renderBar } from './progress-bar.js';
import type { Drawing } from './drawing.js';
import { describeStop } from './stop-line.js';
import { cutTo, padTo, plain } from './text.js';

const NAME_COLUMN = 11;
const TIME_COLUMN = 11;
/** More copies at once than fit on a screen are counted instead. */
const COPIES_SHOWN = 6;
/** On less than this, a long bar would cut off the time that is left. */
const WIDE = 115;
const SHORT_BAR = 10;

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
  const note = look === 'waiting' && stage.name !== 'stop' ? '' : noteOf(drawing, stage);
  const text = look === 'waiting' ? paint.dim(`${name}${time}`) : `${name}${time}`;
  const line = `${mark[look]} ${text}${note}`.trimEnd();
  const isLoading = stage.name === 'load' && stage.status === 'running';
  return [line, ...(isLoading ? [...renderCopies(drawing), ...renderBuilds(drawing)] : [])];
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

function noteOf(drawing: Drawing, stage: StageState): string {
  const special: Partial<Record<StageName, () => string>> = {
    validate: () => noteOfFindings(drawing),
    load: () => noteOfLoad(drawing, stage),
    monitor: () => (stage.status === 'running' ? renderLag(drawing, monitorFigures(drawing)) : ''),
    stop: () => describeStop(drawing),
    cutover: () => describeCutover(drawing.state),
  };
  return special[stage.name]?.() || noteOfStep(drawing, stage);
}

/** The step that the running stage tells. */
function noteOfStep({ live, paint }: Drawing, { status }: StageState): string {
  const steps = status === 'running' ? live.filter((figures) => figures.kind === 'step') : [];
  return paint.dim(steps.map(({ text }) => plain(text)).join(', '));
}

function noteOfFindings({ state: { findings }, paint }: Drawing): string {
  const count = (wanted: string) => findings.filter(({ verdict }) => verdict === wanted).length;
  const [ok, warnings, blocks] = [count('ok'), count('warn'), count('block')];
  return [
    ok > 0 ? paint.dim(`${ok} ok`) : '',
    warnings > 0 ? paint.yellow(formatMany(warnings, 'warning')) : '',
    blocks > 0 ? paint.red(formatMany(blocks, 'block')) : '',
  ]
    .filter((part) => part !== '')
    .join(', ');
}

function noteOfLoad(drawing: Drawing, stage: StageState): string {
  const { state, live, now, width, paint } = drawing;
  const { totals } = state;
  if (stage.status === 'done') {
    const parts = [formatMany(totals.tables, 'table'), ...copiedOf(state)];
    return paint.dim([...parts, ...indexesOf(state)].join(' · '));
  }
  if (totals.tables === 0) return '';
  // The server tells no bytes of its own copy.
  if (state.method === 'native')
    return [formatMany(totals.tables, 'table'), 'copied by the target server'].join(', ');
  const load = measureLoad(state, live, now);
  const isMoving = state.status === 'running';
  const parts = [
    `${formatBytes(load.bytesCopied)} of ${formatBytes(load.bytesPlanned)}`,
    `${totals.tablesCopied} of ${formatMany(totals.tables, 'table')}`,
    ...(isMoving && load.bytesPerSecond !== undefined ? [formatRate(load.bytesPerSecond)] : []),
    ...(isMoving && load.millisecondsLeft !== undefined
      ? [`${formatDuration(load.millisecondsLeft)} left`]
      : []),
  ];
  const bar = width < WIDE ? renderBar(load.fraction, paint, SHORT_BAR) : renderBar(load.fraction, paint);
  return `${bar} ${formatPercent(load.fraction)}  ${parts.join(' · ')}`;
}

/** What the server copied by itself is not counted. */
function copiedOf({ totals, method }: MigrationState): string[] {
  if (method === 'native') return [];
  return [formatBytes(totals.bytesCopied), formatMany(Number(totals.rowsCopied), 'row')];
}

function indexesOf({ totals }: MigrationState): string[] {
  const { indexes, indexesBuilt, constraints, constraintsBuilt } = totals;
  return [
    ...(indexes > 0 ? [`${indexesBuilt} of ${formatMany(indexes, 'index', 'indexes')}`] : []),
    ...(constraints > 0 ? [`${constraintsBuilt} of ${formatMany(constraints, 'key')}`] : []),
  ];
}

/** The tables that are being copied now, indented under load. */
function renderCopies(drawing: Drawing): string[] {
  const { state, live, now, width, paint } = drawing;
  const { copies } = measureLoad(state, live, now);
  const shown = copies.slice(0, COPIES_SHOWN);
  const nameWidth = Math.min(
    Math.floor(width / 3),
    Math.max(0, ...shown.map(({ table }) => plain(table).length)),
  );
  const lines = shown.map(({ table, bytes, bytesPlanned }) => {
    const fraction = Number(bytesPlanned) > 0 ? Math.min(1, Number(bytes) / Number(bytesPlanned)) : 0;
    const name = padTo(cutTo(plain(table), nameWidth), nameWidth);
    return `    ${name}  ${renderBar(fraction, paint, 12)}  ${formatBytes(bytes)} of ${formatBytes(bytesPlanned)}`;
  });
  const more = copies.length - shown.length;
  return more > 0 ? [...lines, paint.dim(`    … and ${more} more`)] : lines;
}

/** Indexes and keys, which follow their tables, and what the activities that are no copies do. */
function renderBuilds(drawing: Drawing): string[] {
  const { live, paint, state } = drawing;
  const steps = live.filter((figures) => figures.kind === 'step').map(({ text }) => plain(text));
  const pace = state.status === 'running' ? describePace(state) : '';
  const parts = [...indexesOf(state), ...steps, ...(pace === '' ? [] : [pace])];
  return parts.length > 0 ? [paint.dim(`    ${parts.join(' · ')}`)] : [];
}
