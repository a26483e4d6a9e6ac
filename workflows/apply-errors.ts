/** A lane that cannot apply a change: held until somebody retries, with the transaction or without it. */
import { changesOf, describeFailing } from '../contract/apply-error.js';
import type { RetryMessage } from '../contract/message-shapes.js';
import { setLane } from './lanes.js';
import { step } from './proxies.js';
import { note, runArgument } from './run.js';
import type { MigrationRun } from './run.js';

/** What the retry is about to do with the lane that is held. */
export function takeRetry({ progress, state }: MigrationRun, { skip, by }: RetryMessage): void {
  if (!progress.held) return;
  delete progress.held.skip;
  const failing = state.blocked?.applyError;
  // Accepted, it is the transaction that blocks.
  if (skip !== undefined && failing) progress.held.skip = { ...failing, ...(by === undefined ? {} : { by }) };
}

/** At the beginning of every stage that needs the lanes to apply. */
export async function releaseHeldLane(run: MigrationRun): Promise<void> {
  const { held } = run.progress;
  if (!held) return;
  const { lane, skip } = held;
  await step(skip ? `leave out transaction ${skip.lsn}` : `let ${lane} go on`).enableLane({
    run: runArgument(run),
    lane,
    retired: run.progress.retired,
    ...(skip ? { skip: skip.lsn } : {}),
  });
  delete run.progress.held;
  setLane(run, lane, 'applying');
  if (!skip) return;
  const { lsn, xid, changes, by } = skip;
  note(
    run,
    'skipped',
    `${by ?? 'somebody'} left out a transaction of ${lane}: ${changesOf(changes)}, xid ${xid}, up to ${lsn}; it failed at ${describeFailing(skip)}`,
  );
}
