import type { WorkflowHandle } from '@temporalio/client';
import type { PgtrekError } from '../contract/errors.js';
import { GRPC, isLate, serviceFaultOf, translateServiceError } from './service-errors.js';
import { CALL_DEADLINE_MS, callWithDeadline } from './temporal-link.js';
import type { TemporalLink } from './temporal-link.js';
import { noWorker } from './worker-presence.js';

/** A worker answers within 20 ms, after a crash within 2.2 s, and may have to replay a long history first. */
const QUERY_DEADLINE_MS = 10_000;

/** Sends a query. Throws NO_WORKER when the server is there and nobody answers, MIGRATION_NOT_FOUND, TEMPORAL_UNREACHABLE. */
export async function askMigration<T>(
  link: TemporalLink,
  handle: WorkflowHandle,
  question: { query: string; argument?: unknown },
): Promise<T> {
  const args = question.argument === undefined ? [] : [question.argument];
  try {
    return await callWithDeadline(
      link,
      () => handle.query<T, unknown[]>(question.query, ...args),
      QUERY_DEADLINE_MS,
    );
  } catch (error) {
    throw await explainSilence(link, handle, error);
  }
}

/** A call that a worker must answer ran into its deadline either for want of a worker or for want of a server. */
export async function explainSilence(
  link: TemporalLink,
  handle: WorkflowHandle,
  error: unknown,
): Promise<PgtrekError> {
  const fault = serviceFaultOf(error);
  const wasSilent =
    isLate(error) || (fault?.code === GRPC.FAILED_PRECONDITION && /no poller/i.test(fault.details));
  if (!wasSilent) return translateServiceError(link, error);
  try {
    const { taskQueue } = await callWithDeadline(link, () => handle.describe(), CALL_DEADLINE_MS / 2);
    return noWorker(link, {
      taskQueue,
      what: `No worker answers on task queue "${taskQueue}"`,
      cause: error,
    });
  } catch (describeError) {
    return translateServiceError(link, describeError);
  }
}
