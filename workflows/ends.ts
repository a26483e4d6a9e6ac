/** How a migration ends: finished, aborted, or cancelled. Each removes what pgtrek made. */
import { ApplicationFailure, CancellationScope, patched } from '@temporalio/workflow';
import type { Removed } from '../contract/activities.js';
import { bothAnswer } from '../contract/findings.js';
import type { Outcome } from '../contract/state.js';
import { showDetails } from './details.js';
import { tellLast } from './notify.js';
import { cleanup, onHostCleanup, step } from './proxies.js';
import { note, plainArgument } from './run.js';
import type { MigrationRun } from './run.js';
import { settle } from './standing.js';
import { untilDone } from './stage.js';

const NOTHING: Removed = { leftovers: [], notes: [] };

/** What cannot be done blocks like any stage: nothing that was loaded is lost for a privilege that lacks. */
export async function finish(run: MigrationRun): Promise<Outcome> {
  let removed = NOTHING;
  run.ending = 'finish';
  await untilDone(run, run.state.stage, async () => {
    await setLastSequences(run);
    removed = await removeAll(run, { dropTarget: false });
  });
  return end(run, 'finished', removed);
}

/** A dump brings them along. */
async function setLastSequences(run: MigrationRun): Promise<void> {
  const { mode, method } = run.state;
  if (mode === 'full-load' && method === 'dump') return;
  if (await settle(run)) note(run, 'sequences', `${String(run.progress.sequencesSet)} sequences were set`);
}

/** What cannot be removed blocks, and is tried again. */
export async function removeAll(
  run: MigrationRun,
  asked: { dropTarget: boolean; keepFixes?: boolean },
): Promise<Removed> {
  const removed = await step('remove our objects').removeObjects({ run: plainArgument(run), ...asked });
  if (removed.leftovers.length > 0) {
    throw ApplicationFailure.create({
      type: 'CLEANUP_INCOMPLETE',
      message: removed.leftovers.join('; '),
      nonRetryable: true,
      details: [{ remedy: 'Mend what the message names, then retry.' }],
    });
  }
  return { ...removed, notes: [...removed.notes, ...(await discardFiles(run))] };
}

/** The dump method's files lie on one host; one that is gone is only told. */
async function discardFiles(run: MigrationRun): Promise<string[]> {
  const { dumpHost } = run.progress;
  if (!dumpHost) return [];
  try {
    await onHostCleanup(dumpHost).discardDump({ run: plainArgument(run) });
    return [];
  } catch {
    return [`The dump files on ${dumpHost} could not be removed: its worker does not answer.`];
  }
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
  await end(run, 'aborted', await remove(run, false));
}

function remove(run: MigrationRun, dropTarget: boolean): Promise<Removed> {
  if (!run.spec || !hasMade(run)) return Promise.resolve({ leftovers: [], notes: [] });
  return CancellationScope.nonCancellable(async () => {
    try {
      const removed = await cleanup('remove our objects').removeObjects({
        run: plainArgument(run),
        dropTarget,
      });
      return { ...removed, notes: [...removed.notes, ...(await discardFiles(run))] };
    } catch (error) {
      return { leftovers: [`${String(error)}; see pgtrek orphans`], notes: [] };
    }
  });
}

/** Of validate there may be a rehearsal, and what --fix has run; what blocks it is often a server that cannot be reached. */
function hasMade(run: MigrationRun): boolean {
  const { stages, findings } = run.state;
  if (stages.some(({ name, status }) => name !== 'validate' && status !== 'waiting')) return true;
  // Histories that ended without it end without it.
  return bothAnswer(findings) && patched('clean-up-of-validate');
}

async function end(
  run: MigrationRun,
  outcome: Outcome['outcome'],
  { leftovers, notes }: Removed,
): Promise<Outcome> {
  const { report, sequencesSet } = run.progress;
  const result: Outcome = {
    outcome,
    leftovers,
    notes,
    ...(report ? { report } : {}),
    ...(sequencesSet === undefined ? {} : { sequencesSet }),
    ...(run.state.cutover?.fence ? { cutover: run.state.cutover } : {}),
  };
  run.state.status = outcome === 'finished' ? 'completed' : 'aborted';
  run.state.outcome = result;
  delete run.state.blocked;
  delete run.state.alerts;
  note(
    run,
    outcome,
    leftovers.length > 0 ? `left over: ${leftovers.join('; ')}` : 'nothing of pgtrek is left',
  );
  showDetails(run);
  await tellLast(run);
  return result;
}
