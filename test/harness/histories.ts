/** All runs of a workflow that continues as new, read from their histories. */
import { defaultPayloadConverter } from '@temporalio/common';
import type { Client } from '@temporalio/client';
import type { MigrationEvent } from '../../client/index.js';
import type { Carried } from '../../workflows/run.js';

type History = Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>;
export type HistoryEvent = NonNullable<History['events']>[number];
type Payload = NonNullable<
  NonNullable<HistoryEvent['workflowExecutionStartedEventAttributes']>['input']
>['payloads'];

/** From the first run on, in order. */
export async function fetchRuns(
  client: Client,
  workflowId: string,
  firstRunId: string,
): Promise<HistoryEvent[][]> {
  const runs: HistoryEvent[][] = [];
  for (let runId: string | null | undefined = firstRunId; runId;) {
    const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    runs.push(events ?? []);
    runId = events?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
  }
  return runs;
}

function argumentsOf(payloads: Payload): unknown[] {
  return (payloads ?? []).map((payload) => defaultPayloadConverter.fromPayload(payload));
}

/** What a migration noted in its whole life: each run gets the last 200 of the one before. By number. */
export function notedEvents(runs: HistoryEvent[][], last: MigrationEvent[]): MigrationEvent[] {
  const carried = runs.flatMap(([started]) => {
    const [, handed] = argumentsOf(started?.workflowExecutionStartedEventAttributes?.input?.payloads);
    return (handed as Carried | undefined)?.state.events ?? [];
  });
  return [...new Map([...carried, ...last].map((event) => [event.n, event])).values()].sort(
    (a, b) => a.n - b.n,
  );
}

/** Input of an activity of that name, where the event is its scheduling. */
export function scheduledInput(event: HistoryEvent, activity: string): unknown {
  const scheduled = event.activityTaskScheduledEventAttributes;
  if (scheduled?.activityType?.name !== activity) return undefined;
  return argumentsOf(scheduled.input?.payloads)[0];
}

/** Of every signal that arrived: who sent it. */
export function signalsIn(runs: HistoryEvent[][]): { by?: string }[] {
  return runs.flat().flatMap(({ workflowExecutionSignaledEventAttributes: signaled }) => {
    if (!signaled) return [];
    const [message] = argumentsOf(signaled.input?.payloads);
    return [message ?? {}];
  });
}

/** Of every Update that a run has accepted: who sent it, and which run, from 0 on. */
export function updatesIn(runs: HistoryEvent[][]): { by?: string; run: number }[] {
  return runs.flatMap((events, run) =>
    events.flatMap(({ workflowExecutionUpdateAcceptedEventAttributes: accepted }) => {
      if (!accepted) return [];
      const [message] = argumentsOf(accepted.acceptedRequest?.input?.args?.payloads);
      return [{ ...(message as { by?: string } | null), run }];
    }),
  );
}

/** As the API numbers them: what came while a task was done, so that it may not yet continue as new. */
const CAUSES: Record<number, string> = { 1: 'UNHANDLED_COMMAND', 31: 'UNHANDLED_UPDATE' };

/** Causes of workflow tasks that failed or timed out. */
export function taskFailuresIn(runs: HistoryEvent[][]): string[] {
  return runs.flat().flatMap((event) => {
    const failed = event.workflowTaskFailedEventAttributes;
    if (event.workflowTaskTimedOutEventAttributes) return ['TIMED_OUT'];
    return failed ? [CAUSES[failed.cause ?? 0] ?? String(failed.cause)] : [];
  });
}
