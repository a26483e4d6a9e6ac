import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import type { LiveFigures } from '../contract/state.js';

type RawActivities = NonNullable<WorkflowExecutionDescription['raw']['pendingActivities']>;
type Payload = NonNullable<NonNullable<RawActivities[number]['heartbeatDetails']>['payloads']>[number];

const KINDS: ReadonlySet<unknown> = new Set<LiveFigures['kind']>(['monitor', 'copy', 'step']);

/** What the running activities said in their last heartbeat. describe() gives the payloads as they came over the wire. */
export async function decodeLiveFigures(
  client: Client,
  description: WorkflowExecutionDescription,
): Promise<LiveFigures[]> {
  const payloads = (description.raw.pendingActivities ?? []).flatMap(
    (activity) => activity.heartbeatDetails?.payloads?.slice(0, 1) ?? [],
  );
  const details = await Promise.all(payloads.map((payload) => decode(client, payload)));
  return details.filter(isLiveFigures);
}

async function decode(client: Client, payload: Payload): Promise<unknown> {
  const { payloadConverter, payloadCodecs } = client.options.loadedDataConverter;
  let payloads = [payload];
  for (const codec of [...payloadCodecs].reverse()) payloads = await codec.decode(payloads);
  const [decoded] = payloads;
  return decoded === undefined ? undefined : payloadConverter.fromPayload(decoded);
}

function isLiveFigures(details: unknown): details is LiveFigures {
  return typeof details === 'object' && details !== null && 'kind' in details && KINDS.has(details.kind);
}
