/** What a promise was rejected with, typed: Temporal rejects with errors only. */
export function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
