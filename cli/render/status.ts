import { measureOnce } from '../../client/index.js';
import type { LiveFigures, LoadProgress, MigrationState, WorkflowStatus } from '../../client/index.js';
import { renderBlocked } from './blocked.js';
import { renderEnd, renderEvents, renderLanes, renderSetAside } from './status-parts.js';
import { paintWith } from './colour.js';
import type { Paint } from './colour.js';
import { renderCutover } from './cutover.js';
import { renderDrift } from './drift.js';
import { formatClock, formatDuration } from './format.js';
import { renderAlerts, renderWal } from './monitor-line.js';
import { renderPause } from './pause.js';
import { renderStages } from './stage-lines.js';
import type { Drawing } from './drawing.js';
import { cutTo, plain, widthOf } from './text.js';
import { renderCompared } from './verification.js';

export interface StatusOptions {
  /** Columns; no line is longer. */
  width: number;
  /** With ANSI colours. @default false */
  colour?: boolean;
  /** @default the present moment */
  now?: Date;
  /** host:port/database of both ends, for the header. */
  ends?: { source: string; target: string };
  /** How the workflow stands, when that is known: a terminated migration does not know of its end. */
  workflow?: WorkflowStatus;
  /** Why the state is old. */
  problem?: string;
  /** The progress of a load, as `watch` measured it; without, that of this one look. */
  load?: LoadProgress;
  /** How many of the tables that are being copied to show, the largest. @default 20 */
  copies?: number;
  /** How many of the last events to show. @default 5 */
  events?: number;
}

/** The whole picture of one migration, as lines for a terminal or a log. Pure. */
export function renderStatus(state: MigrationState, live: LiveFigures[], options: StatusOptions): string[] {
  const { width, now = new Date() } = options;
  const paint = paintWith(options.colour ?? false);
  const { load = measureOnce(state, live, now), copies = Number.POSITIVE_INFINITY } = options;
  const drawing: Drawing = { state, live, load, copies, width, paint, now };
  const blocks = [
    renderHeader(drawing, options),
    options.problem === undefined ? [] : [paint.yellow(`⚠ ${plain(options.problem)}`)],
    renderBlocked(drawing),
    renderPause(drawing),
    renderAlerts(drawing),
    renderDrift(drawing),
    renderStages(drawing),
    renderSetAside(drawing),
    [...renderWal(drawing), ...renderLanes(drawing)],
    renderCutover(drawing),
    renderCompared(drawing),
    renderEnd(drawing),
    renderEvents(drawing, options.events ?? 5),
  ];
  return blocks
    .filter((block) => block.length > 0)
    .flatMap((block, index) => (index === 0 ? block : ['', ...block]))
    .map((line) => cutTo(line, width));
}

/** The ends stand on a line of their own where one line has no room for them. */
function renderHeader({ state, paint, now, width }: Drawing, { ends, workflow }: StatusOptions): string[] {
  const status = paintStatus(state, { workflow, paint });
  const head = `${paint.bold(plain(state.name))}  ${status}${ageOf(state, now)}  ${paint.dim(state.mode)}`;
  if (!ends) return [head];
  const route = `${plain(ends.source)} → ${plain(ends.target)}`;
  return widthOf(head) + 2 + widthOf(route) <= width ? [`${head}  ${route}`] : [head, route];
}

function paintStatus(
  { status }: MigrationState,
  { workflow, paint }: { workflow: WorkflowStatus | undefined; paint: Paint },
): string {
  const hasEnded = status === 'completed' || status === 'aborted';
  if (!hasEnded && workflow !== undefined && workflow !== 'running') return paint.red(`✖ ${workflow}`);
  switch (status) {
    case 'completed':
      return paint.green('✔ completed');
    case 'blocked':
      return paint.red('✖ blocked');
    case 'aborted':
      return paint.yellow('✖ aborted');
    case 'running':
      return paint.cyan('▶ running');
    default:
      return paint.yellow(`‖ ${status}`);
  }
}

/** `for 4 m 12 s`, or `in 4 m 12 s` once ended. */
function ageOf({ stages, status, blocked }: MigrationState, now: Date): string {
  if (blocked && status === 'blocked') return ` since ${formatClock(blocked.since, now)}`;
  const startedAt = stages.find((stage) => stage.startedAt !== undefined)?.startedAt;
  if (startedAt === undefined || status === 'stopped' || status === 'paused') return '';
  const ended = status === 'completed' || status === 'aborted';
  const endedAt = stages.flatMap((stage) => stage.endedAt ?? []).at(-1);
  const end = ended ? Date.parse(endedAt ?? startedAt) : now.getTime();
  return ` ${ended ? 'in' : 'for'} ${formatDuration(end - Date.parse(startedAt))}`;
}
