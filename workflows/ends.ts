/** How a migration ends: finished, aborted, or cancelled. Each removes what pgtrek made. */
import { CancellationScope } from '@temporalio/workflow';
import type { Removed } from '../contract/activities.js';
import type { Outcome } from '../contract/state.js';
import { showDetails } from './details.js';
import { cleanup, step } from './proxies.js';
import { note, runArgument } from './run.js';
import type { MigrationRun } from './run.js';
import { Aborted } from './stage.js';

/** A full load has its sequences still to set; a replicating one did that after its marker. */
export async function finish(run: MigrationRun): Promise<Outcome> {
  if (run.state.mode === 'full-load' && run.state.method === 'stream' && run.progress.sequencesSet === undefined) {
    const { sequences } = await step('set the sequences').setSequences({ run: runArgument(run) });
    run.progress.sequencesSet = sequences;
  }
  const removed = await step('remove our objects').removeObjects({ run: runArgument(run), dropTarget: false });
  if (run.asked.abort) throw new Aborted();
  return end(run, 'finished', removed);
}

/** Completes the workflow, with the outcome. Restored tables stay on the target unless dropping was asked for. */
export async function abort(run: MigrationRun): Promise<Outcome> {
  run.slotReady = false;
  run.clock?.scope.cancel();
  const dropTarget = run.asked.abort?.dropTarget === true;
  const removed = await remove(run, dropTarget);
  const restored = run.state.stages.some(({ name, status }) => name === 'restore' && status !== 'waiting');
  if (restored && !dropTarget) {
    removed.notes.push('What was restored stays on the target; abort with dropTarget would have dropped it.');
  }
  return end(run, 'aborted', removed);
}

/** Cancel in the Web UI: cleans up too, and the workflow ends as cancelled. */
export async function cancel(run: MigrationRun): Promise<void> {
  end(run, 'aborted', await remove(run, false));
}

function remove(run: MigrationRun, dropTarget: boolean): Promise<Removed> {
  // validate makes nothing; and what blocks it is often a server that cannot be reached.
  const hasMade = run.state.stages.some(({ name, status }) => name !== 'validate' && status !== 'waiting');
  if (!run.spec || !hasMade) return Promise.resolve({ leftovers: [], notes: [] });
  return CancellationScope.nonCancellable(async () => {
    try {
      return await cleanup('remove our objects').removeObjects({ run: runArgument(run), dropTarget });
    } catch (error) {
      return { leftovers: [`${String(error)}; see pgtrek orphans`], notes: [] };
    }
  });
}

function end(run: MigrationRun, outcome: Outcome['outcome'], { leftovers, notes }: Removed): Outcome {
  const { report, sequencesSet } = run.progress;
  const result: Outcome = {
    outcome,
    leftovers,
    notes,
    ...(report ? { report } : {}),
    ...(sequencesSet === undefined ? {} : { sequencesSet }),
  };
  run.state.status = outcome === 'finished' ? 'completed' : 'aborted';
  run.state.outcome = result;
  delete run.state.blocked;
  note(run, outcome, leftovers.length > 0 ? `left over: ${leftovers.join('; ')}` : 'nothing of pgtrek is left');
  showDetails(run);
  return result;
}
