/** What a promise was rejected with, typed: Temporal rejects with errors only. */
import { ActivityFailure } from '@temporalio/workflow';

export function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}

/** In words: of an activity's failure, what the activity itself said. */
export function causeOf(reason: unknown): string {
  const error = asError(reason);
  return error instanceof ActivityFailure && error.cause ? error.cause.message : error.message;
}
