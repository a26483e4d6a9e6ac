import type { Client, ConnectionLike } from '@temporalio/client';
import { PgtrekError } from '../contract/errors.js';

/** An open connection to one namespace of a Temporal server. */
export interface TemporalLink {
  readonly client: Client;
  readonly connection: ConnectionLike;
  /** host:port, for messages. */
  readonly address: string;
  readonly namespace: string;
  readonly calls: Calls;
}

/** A server that is up answers in milliseconds; this leaves room for a reconnect after an outage (2 s back-off). */
export const CALL_DEADLINE_MS = 8_000;

/** Calls that wait for their answer: a connection that is closed under one would end the process, by a timer of gRPC's. */
export class Calls {
  readonly #closing = new AbortController();
  readonly #waiting = new Set<Promise<unknown>>();

  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  async track<T>(call: Promise<T>): Promise<T> {
    this.#waiting.add(call);
    try {
      return await call;
    } finally {
      this.#waiting.delete(call);
    }
  }

  /** Ends them, and waits until they have ended. */
  async end(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#waiting);
  }
}

/** Without a deadline a call to a server that went away may wait for ever. Throws TEMPORAL_UNREACHABLE once closed. */
export async function callWithDeadline<T>(
  { connection, calls, address }: TemporalLink,
  call: () => Promise<T>,
  deadlineMs = CALL_DEADLINE_MS,
): Promise<T> {
  try {
    calls.closing.throwIfAborted();
    return await calls.track(
      connection.withAbortSignal(calls.closing, () => connection.withDeadline(Date.now() + deadlineMs, call)),
    );
  } catch (error) {
    if (!calls.closing.aborted) throw error;
    throw new PgtrekError('TEMPORAL_UNREACHABLE', `The connection to ${address} was closed meanwhile.`, {
      remedy: 'Close it after the last call has been answered.',
      cause: error,
    });
  }
}
