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
  /** A signal for each: the SDK never takes its listener off again. */
  readonly #waiting = new Map<Promise<unknown>, AbortController>();
  #ended = false;

  get ended(): boolean {
    return this.#ended;
  }

  async run<T>(call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    const answer = call(controller.signal);
    this.#waiting.set(answer, controller);
    try {
      return await answer;
    } finally {
      this.#waiting.delete(answer);
    }
  }

  /** Ends them, and waits until they have ended. */
  async end(): Promise<void> {
    this.#ended = true;
    for (const controller of this.#waiting.values()) controller.abort();
    await Promise.allSettled(this.#waiting.keys());
  }
}

/** Without a deadline a call to a server that went away may wait for ever. Throws TEMPORAL_UNREACHABLE once closed. */
export async function callWithDeadline<T>(
  { connection, calls, address }: TemporalLink,
  call: () => Promise<T>,
  deadlineMs = CALL_DEADLINE_MS,
): Promise<T> {
  if (calls.ended) throw closed(address, undefined);
  try {
    return await calls.run((signal) =>
      connection.withAbortSignal(signal, () => connection.withDeadline(Date.now() + deadlineMs, call)),
    );
  } catch (error) {
    throw calls.ended ? closed(address, error) : error;
  }
}

function closed(address: string, cause: unknown): PgtrekError {
  return new PgtrekError('TEMPORAL_UNREACHABLE', `The connection to ${address} was closed meanwhile.`, {
    remedy: 'Close it after the last call has been answered.',
    cause,
  });
}
