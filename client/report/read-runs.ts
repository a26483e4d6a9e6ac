/** The histories of all runs of one workflow, read page by page: they may be larger than memory. */
import type { WorkflowHandle } from '@temporalio/client';
import { GRPC, serviceFaultOf, translateServiceError } from '../service-errors.js';
import { callWithDeadline } from '../temporal-link.js';
import type { TemporalLink } from '../temporal-link.js';

type History = Awaited<ReturnType<WorkflowHandle['fetchHistory']>>;
export type HistoryEvent = NonNullable<History['events']>[number];

export interface RunChain {
  /** Oldest first. */
  runIds: string[];
  /** Temporal has removed those before: their retention time is over. */
  isCut: boolean;
}

interface PageRequest {
  workflowId: string;
  runId: string;
  maximumPageSize?: number;
  nextPageToken?: Uint8Array | null;
}

/** From the given run back to the first one, or to the oldest that Temporal still has. */
export async function findRuns(link: TemporalLink, workflowId: string, runId: string): Promise<RunChain> {
  const runIds: string[] = [];
  for (let next: string | null | undefined = runId; next;) {
    const first = await firstEvent(link, { workflowId, runId: next });
    if (!first) return { runIds, isCut: true };
    runIds.unshift(next);
    next = first.workflowExecutionStartedEventAttributes?.continuedExecutionRunId;
  }
  return { runIds, isCut: false };
}

async function firstEvent(
  link: TemporalLink,
  run: { workflowId: string; runId: string },
): Promise<HistoryEvent | undefined> {
  try {
    const { history } = await readPage(link, { ...run, maximumPageSize: 1 });
    return history?.events?.[0];
  } catch (error) {
    if (serviceFaultOf(error)?.code === GRPC.NOT_FOUND) return undefined;
    throw translateServiceError(link, error);
  }
}

/** The events of one run, in their order, as far as they are written. */
export async function* readRun(
  link: TemporalLink,
  run: { workflowId: string; runId: string },
): AsyncGenerator<HistoryEvent, void, undefined> {
  let nextPageToken: Uint8Array | null | undefined;
  do {
    const page = await readPage(link, { ...run, ...(nextPageToken ? { nextPageToken } : {}) }).catch(
      (error: unknown) => {
        throw translateServiceError(link, error);
      },
    );
    yield* page.history?.events ?? [];
    ({ nextPageToken } = page);
  } while (nextPageToken && nextPageToken.length > 0);
}

function readPage(link: TemporalLink, { workflowId, runId, ...page }: PageRequest) {
  return callWithDeadline(link, () =>
    link.connection.workflowService.getWorkflowExecutionHistory({
      namespace: link.namespace,
      execution: { workflowId, runId },
      ...page,
    }),
  );
}
