/** Markdown for the Temporal Web UI: what matters first, as the page cuts long details. */
import { setCurrentDetails } from '@temporalio/workflow';
import type {
  Blocked,
  MigrationState,
  MonitorFigures,
  Outcome,
  StageName,
  StopPlan,
  StopReport,
  Totals,
} from '../contract/state.js';
import { estimates, otherBlocks, warnings } from './finding-details.js';
import { prose, size, verbatim } from './markdown.js';
import type { MigrationRun } from './run.js';

export function showDetails(run: MigrationRun): void {
  setCurrentDetails(renderDetails(run.state));
}

/** The page makes its frame 32 pixels too low for what is in it: this last paragraph is what it cuts. */
const CUT_BY_THE_PAGE = '\u00a0';

export function renderDetails(state: MigrationState): string {
  return [
    headline(state),
    ...otherBlocks(state),
    next(state),
    cutover(state),
    ...alerts(state),
    drift(state),
    stages(state),
    progress(state),
    warnings(state),
    estimates(state),
    CUT_BY_THE_PAGE,
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

const DOING: Record<StageName, string> = {
  validate: 'looks at both servers, and changes nothing',
  dump: 'reads from the source what is to be moved',
  restore: 'makes the schema on the target',
  publish: 'opens the stream of changes on the source',
  load: 'copies the rows, then builds indexes and keys',
  subscribe: 'lets the target follow the source',
  monitor: 'the target follows the source',
  stop: 'the target stops at the marker',
  cutover: 'the target stands, and gets its sequences',
  protect: 'the target is the primary, and the source follows it',
  rollback: 'the source becomes the primary again',
};

function headline(state: MigrationState): string {
  if (state.outcome) return `**${state.status}**: ${whatIsLeft(state.outcome)}`;
  if (!state.blocked) return `**${state.status}** in **${state.stage}**: ${DOING[state.stage]}`;
  const { code, message, remedy } = state.blocked;
  const mends = remedy === undefined ? '' : `\n\n**Remedy:** ${verbatim(remedy)}`;
  return `**BLOCKED** in **${state.stage}**: \`${code}\` ${prose(message)}${mends}`;
}

function whatIsLeft({ leftovers }: Outcome): string {
  return leftovers.length > 0
    ? `left over: ${prose(leftovers.join('; '))}`
    : 'nothing of pgtrek is left on either server';
}

function next(state: MigrationState): string {
  if (state.outcome)
    return [howItStopped(state.outcome), ...state.outcome.notes.map(prose)].filter(Boolean).join('\n\n');
  if (state.blocked)
    return `Then send the signal \`retry\` (More Actions)${orSkip(state.blocked)}, or \`abort\`.`;
  if (state.status === 'paused') return 'Nothing new begins. Next: the signal `resume` (More Actions).';
  if (state.status === 'stopped') {
    if (state.stage === 'cutover')
      return state.cutover?.fence
        ? 'The target is the primary. Next: the signal `finish`.'
        : 'The cutover is done. Next: the signal `finish`, or `resume` to replicate on.';
    return 'The lanes stand at the marker. Next: the signal `finish`, `cutover`, `resume` or another `stop`.';
  }
  if (state.stage === 'protect')
    return 'Next: the signal `finish`, or `rollback` to make the source the primary again.';
  const { stop } = state;
  if (!stop) return '';
  if (stop.kind === 'never')
    return 'It goes on until the signal `stop` (More Actions), such as `{"now": true, "then": "finish"}`.';
  return `Stop: ${WHEN[stop.kind](stop)}, then ${stop.then}`;
}

/** Where a transaction of the source is what blocks. */
function orSkip({ applyError }: Blocked): string {
  return applyError ? `, with \`{"skip": "${applyError.lsn}"}\` to leave the transaction out` : '';
}

/** The last one that was asked for, where it came to nothing. */
function cutover({ cutover: report, outcome }: MigrationState): string {
  if (!report || outcome || report.reasons.length === 0) return '';
  return `The cutover was **${report.outcome}**: ${prose(report.reasons.join('; '))}`;
}

function alerts({ alerts: standing = [], outcome }: MigrationState): string[] {
  return outcome ? [] : standing.map(({ text }) => `**⚠** ${prose(text)}`);
}

function drift({ drift: found, outcome, mode }: MigrationState): string {
  if (!found || outcome) return '';
  const again = mode === 'cdc' ? '' : ' To begin again: the signal `restartOnSchemaChange`.';
  const changes = found.total === 1 ? '1 change' : `${String(found.total)} changes`;
  return `**The schema of the source has changed**: ${changes}.${again}`;
}

const WHEN: Record<Exclude<StopPlan['kind'], 'never'>, (stop: StopPlan) => string> = {
  at: ({ at }) => `at ${at ?? ''} (clock of the source)`,
  lsn: ({ lsn }) => `at ${lsn ?? ''} of the source’s log`,
  now: () => 'now',
};

function howItStopped({ report, sequencesSet }: Outcome): string {
  const parts = [];
  if (report) parts.push(`Stopped at the commit of ${report.committedAt}${punctuality(report)}.`);
  if (sequencesSet !== undefined) parts.push(`Sequences set: ${String(sequencesSet)}.`);
  return parts.join(' ');
}

function punctuality({ overshootMs, overshootBytes, late }: StopReport): string {
  if (late !== undefined) return `; ${late}`;
  if (overshootBytes !== undefined) return `, ${overshootBytes} bytes after the planned position`;
  return overshootMs === undefined ? '' : `, ${String(overshootMs)} ms after the planned time`;
}

function progress({ totals, monitor, outcome }: MigrationState): string {
  const { tables, tablesCopied, parts, partsCopied, rowsCopied, indexes, indexesBuilt } = totals;
  const told = [];
  if (tablesCopied < tables && totals.bytesPlanned !== '0') told.push(share(totals));
  if (tables > 0) told.push(ofAll('tables', tablesCopied, tables));
  if (parts > tables) told.push(ofAll('parts', partsCopied, parts));
  if (indexes > 0) told.push(ofAll('indexes', indexesBuilt, indexes));
  if (rowsCopied !== '0') told.push(`${rowsCopied} rows copied`);
  if (monitor && monitor.lagMs !== null && !outcome) told.push(lag(monitor));
  return told.join(' · ');
}

function ofAll(what: string, done: number, all: number): string {
  return `${what} ${String(done)} of ${String(all)}`;
}

/** Of finished parts alone; `pgtrek status` knows those that are under way. */
function share({ bytesDone, bytesPlanned }: Totals): string {
  const percent = Math.min(99, Math.floor((Number(bytesDone) / Number(bytesPlanned)) * 100));
  return `copied ${String(percent)} % of ${size(Number(bytesPlanned))}`;
}

/** The workflow hears of figures every few minutes only. */
function lag({ at, lagBytes, lagMs }: MonitorFigures): string {
  const milliseconds = lagMs === null ? '' : ` (${String(lagMs)} ms)`;
  return `lag ${lagBytes} bytes${milliseconds} at ${at.replace(/\.\d+Z$/, 'Z')}; live under Pending Activities`;
}

const MARKS = { waiting: '·', running: '▶', done: '✔' };

function stages(state: MigrationState): string {
  return state.stages.map(({ name, status }) => `${MARKS[status]} ${name}`).join(' ');
}
