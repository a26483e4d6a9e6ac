import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { tsToDate } from '@temporalio/common/lib/time.js';
import type { LiveFigures } from '../contract/state.js';
import { decodePayload } from './decode-payload.js';

type RawActivities = NonNullable<WorkflowExecutionDescription['raw']['pendingActivities']>;
type Activity = RawActivities[number];

const KINDS: ReadonlySet<unknown> = new Set<LiveFigures['kind']>(['monitor', 'copy', 'step']);

/** What a running activity said in its last heartbeat. */
export type RunningFigures = LiveFigures & {
  /** ISO, by the server's clock: when this attempt of it began. */
  since?: string;
};

/** What the running activities said in their last heartbeat. describe() gives the payloads as they came over the wire. */
export async function decodeLiveFigures(
  client: Client,
  description: WorkflowExecutionDescription,
): Promise<RunningFigures[]> {
  const figures = await Promise.all(
    (description.raw.pendingActivities ?? []).map((activity) => figuresOf(client, activity)),
  );
  return figures.filter((told) => told !== undefined);
}

async function figuresOf(client: Client, activity: Activity): Promise<RunningFigures | undefined> {
  const payload = activity.heartbeatDetails?.payloads?.[0];
  const details = await decodePayload(client, payload);
  if (!isLiveFigures(details)) return undefined;
  const { lastStartedTime } = activity;
  return lastStartedTime ? { ...details, since: tsToDate(lastStartedTime).toISOString() } : details;
}

function isLiveFigures(details: unknown): details is LiveFigures {
  return typeof details === 'object' && details !== null && 'kind' in details && KINDS.has(details.kind);
}
