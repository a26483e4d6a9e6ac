import {
  ApplicationFailure,
  CancelledFailure,
  TerminatedFailure,
  TimeoutFailure,
  WorkflowFailedError,
} from '@temporalio/client';
import type { WorkflowHandle } from '@temporalio/client';
import { setTimeout as sleep } from 'node:timers/promises';
import { PgtrekError, isErrorCode } from '../contract/errors.js';
import { nameOfWorkflow } from '../contract/names.js';
import type { Outcome } from '../contract/state.js';
import { isOutage, translateServiceError } from './service-errors.js';
import { callWithDeadline } from './temporal-link.js';
import type { TemporalLink } from './temporal-link.js';

/** The server ends a long poll after 20 s; a poll without an answer for longer is a lost connection. */
const POLL_DEADLINE_MS = 40_000;
const PAUSE_MS = 1_000;

/** Waits for the end of the workflow, for weeks if need be; rides out outages of the server of up to `patienceMs`. */
export async function awaitOutcome(
  link: TemporalLink,
  handle: WorkflowHandle,
  { patienceMs }: { patienceMs: number },
): Promise<Outcome> {
  let lastAnswer = Date.now();
  for (;;) {
    try {
      return await callWithDeadline(link, () => handle.result() as Promise<Outcome>, POLL_DEADLINE_MS);
    } catch (error) {
      if (error instanceof WorkflowFailedError) return outcomeOfFailure(handle, error);
      if (!isOutage(error)) throw translateServiceError(link, error);
      // The deadline also ends a healthy wait: only the next call tells the difference.
      if (await answers(link, handle)) lastAnswer = Date.now();
      else if (Date.now() - lastAnswer > patienceMs) throw translateServiceError(link, error);
      else await sleep(PAUSE_MS);
    }
  }
}

async function answers(link: TemporalLink, handle: WorkflowHandle): Promise<boolean> {
  try {
    await callWithDeadline(link, () => handle.describe());
    return true;
  } catch (error) {
    if (isOutage(error)) return false;
    throw translateServiceError(link, error);
  }
}

/** Cancel cleans up as abort does, Terminate does not, and a failure carries its error code. */
function outcomeOfFailure(handle: WorkflowHandle, error: WorkflowFailedError): Outcome {
  const name = nameOfWorkflow(handle.workflowId) ?? handle.workflowId;
  const { cause } = error;
  if (cause instanceof CancelledFailure) {
    return { outcome: 'aborted', leftovers: [], notes: ['It was cancelled in Temporal.'] };
  }
  if (cause instanceof TerminatedFailure || cause instanceof TimeoutFailure) {
    const how = cause instanceof TerminatedFailure ? 'was terminated' : 'timed out';
    throw new PgtrekError(
      'CLEANUP_INCOMPLETE',
      `The migration "${name}" ${how} in Temporal: nothing was cleaned up.`,
      {
        object: name,
        remedy: 'Find and remove what it left: pgtrek orphans -f <its spec> --remove',
        cause: error,
      },
    );
  }
  const code = cause instanceof ApplicationFailure && isErrorCode(cause.type) ? cause.type : 'INTERNAL_ERROR';
  const message = cause?.message ?? error.message;
  throw new PgtrekError(code, message, { object: name, cause: error });
}
