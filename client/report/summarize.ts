/** How a migration came out or where it stands, in one plain sentence. Pure. */
import type { MigrationReport } from './shape.js';

type Facts = Omit<MigrationReport, 'summary'>;

export function summarizeReport(facts: Facts): string {
  switch (facts.workflow) {
    case 'running':
      return describeRunning(facts);
    case 'completed':
      return facts.outcome?.outcome === 'aborted'
        ? `It was aborted${inStage(facts)}; ${describeLeft(facts)}.`
        : `It is finished: ${describeEnd(facts)}; ${describeLeft(facts)}.`;
    case 'cancelled':
      return `It was cancelled in Temporal${inStage(facts)}, and cleaned up after itself.`;
    case 'terminated':
      return `It was terminated in Temporal${inStage(facts)}: nothing was cleaned up.`;
    case 'timed-out':
      return `Its workflow timed out in Temporal${inStage(facts)}: nothing was cleaned up.`;
    case 'failed':
      return `It failed: ${facts.failure?.code ?? 'INTERNAL_ERROR'}.`;
  }
}

function describeRunning({ status, blocked, stages, direction }: Facts): string {
  const stage = stages.findLast(({ endedAt, startedAt }) => startedAt !== undefined && endedAt === undefined);
  const where = stage ? ` in ${stage.name}` : '';
  if (blocked) return `It is blocked in ${blocked.stage} by ${blocked.code}, and waits for a person.`;
  if (status === 'paused') return `It is paused${where}.`;
  if (status === 'stopped')
    return `It is not finished: its lanes stand at a marker, and wait for what comes next.`;
  const back = direction === 'back' ? '; the target is the primary, and changes flow back to the source' : '';
  return `It is under way${where}${back}.`;
}

function describeEnd({ cutovers, outcome, mode }: Facts): string {
  const last = cutovers.findLast(({ outcome: ended }) => ended === 'done');
  const sequences = outcome?.sequencesSet ?? last?.sequencesSet;
  const set = sequences === undefined ? '' : `, and ${String(sequences)} sequences are set`;
  if (last?.direction === 'back')
    return 'it was cut over to the target and rolled back: the source is the primary';
  if (last?.fence)
    return `the target is the primary, after a write pause of ${String(Math.round(last.fence.pauseMs))} ms${set}`;
  if (outcome?.report) return `every lane stood at one commit of the source${set}`;
  return mode === 'full-load' ? `all selected rows are on the target${set}` : `all its stages are done${set}`;
}

function describeLeft({ outcome }: Facts): string {
  const count = outcome?.leftovers.length ?? 0;
  return count === 0
    ? 'nothing of pgtrek is left behind'
    : `${String(count)} ${count === 1 ? 'object' : 'objects'} of pgtrek could not be removed`;
}

function inStage({ stages }: Facts): string {
  const last = stages.findLast(({ startedAt }) => startedAt !== undefined);
  return last ? ` in ${last.name}` : '';
}
