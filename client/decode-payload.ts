/** Payloads as Temporal keeps them, decoded as this client's data converter does. */
import type { Client } from '@temporalio/client';
import type { Payload } from '@temporalio/common';

export type Decode = (payload: Payload | null | undefined) => Promise<unknown>;

/** Undefined for none. Throws what the codec or the converter throws. */
export async function decodePayload(client: Client, payload: Payload | null | undefined): Promise<unknown> {
  if (!payload) return undefined;
  const { payloadConverter, payloadCodecs } = client.options.loadedDataConverter;
  let payloads = [payload];
  for (const codec of [...payloadCodecs].reverse()) payloads = await codec.decode(payloads);
  const [decoded] = payloads;
  return decoded === undefined ? undefined : payloadConverter.fromPayload(decoded);
}
