import type { Client, ConnectionLike } from '@temporalio/client';

/** An open connection to one namespace of a Temporal server. */
export interface TemporalLink {
  readonly client: Client;
  readonly connection: ConnectionLike;
  /** host:port, for messages. */
  readonly address: string;
  readonly namespace: string;
}

/** A server that is up answers in milliseconds; this leaves room for a reconnect after an outage (2 s back-off). */
export const CALL_DEADLINE_MS = 8_000;

/** Without a deadline a call to a server that went away may wait for ever. */
export function callWithDeadline<T>(
  link: TemporalLink,
  call: () => Promise<T>,
  deadlineMs = CALL_DEADLINE_MS,
): Promise<T> {
  return link.connection.withDeadline(Date.now() + deadlineMs, call);
}
