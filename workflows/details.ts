/** Markdown for the Temporal Web UI: what matters first, as the page cuts long details. */
import { setCurrentDetails } from '@temporalio/workflow';
import type { MigrationState, StopPlan } from '../contract/state.js';
import type { MigrationRun } from './run.js';

export function showDetails(run: MigrationRun): void {
  setCurrentDetails(renderDetails(run.state));
}

export function renderDetails(state: MigrationState): string {
  return [headline(state), next(state), cutover(state), drift(state), stages(state), progress(state)]
    .filter((part) => part !== '')
    .join('\n\n');
}

function headline(state: MigrationState): string {
  if (!state.blocked) return `**${state.status}** in **${state.stage}**`;
  const { code, message, remedy } = state.blocked;
  return `**BLOCKED** in **${state.stage}**: \`${code}\` ${message}${remedy ? `\n\n**Remedy:** \`${remedy.replaceAll('`', "'")}\`` : ''}`;
}

function next(state: MigrationState): string {
  if (state.outcome) return state.outcome.notes.join('\n');
  if (state.blocked) return 'Then send the signal `retry`, or `abort`.';
  if (state.status === 'paused') return 'Nothing new begins. Next: the signal `resume`.';
  if (state.status === 'stopped') {
    return state.stage === 'cutover'
      ? 'The cutover is done. Next: the signal `finish`, or `resume` to replicate on.'
      : 'The lanes stand at the marker. Next: the signal `finish`, `cutover`, `resume` or another `stop`.';
  }
  const { stop } = state;
  if (!stop || stop.kind === 'never') return '';
  return `Stop: ${WHEN[stop.kind](stop)}, then ${stop.then}`;
}

/** The last one that was asked for, where it came to nothing. */
function cutover({ cutover: report, outcome }: MigrationState): string {
  if (!report || outcome || report.reasons.length === 0) return '';
  return `The cutover was **${report.outcome}**: ${report.reasons.join('; ')}`;
}

function drift({ drift: found, outcome }: MigrationState): string {
  if (!found || outcome) return '';
  const changes = found.total === 1 ? '1 change' : `${String(found.total)} changes`;
  return `**The schema of the source has changed**: ${changes}. To begin again: the signal \`restartOnSchemaChange\`.`;
}

const WHEN: Record<Exclude<StopPlan['kind'], 'never'>, (stop: StopPlan) => string> = {
  at: ({ at }) => `at ${at ?? ''} (clock of the source)`,
  lsn: ({ lsn }) => `at ${lsn ?? ''} of the source’s log`,
  now: () => 'now',
};

function progress({ totals, monitor }: MigrationState): string {
  const parts = [];
  if (totals.tables > 0) parts.push(`tables ${String(totals.tablesCopied)} of ${String(totals.tables)}`);
  if (totals.indexes > 0) parts.push(`indexes ${String(totals.indexesBuilt)} of ${String(totals.indexes)}`);
  if (monitor) parts.push(`lag ${monitor.lagBytes} bytes`);
  return parts.join(' · ');
}

const MARKS = { waiting: '·', running: '▶', done: '✔' };

function stages(state: MigrationState): string {
  return state.stages.map(({ name, status }) => `${MARKS[status]} ${name}`).join(' ');
}
