/** One POST to a webhook, signed. */
import { createHmac } from 'node:crypto';
import { PgtrekError } from '../contract/errors.js';

export interface WebhookCall {
  url: string;
  body: string;
  /** Of the body; the receiver drops what has one that it knows. */
  key: string;
  /** Without one it is not signed. */
  secret?: string | undefined;
  timeoutMs: number;
  signal: AbortSignal;
}

/** Throws HOOK_FAILED for anything but an answer of 2xx; redirects are not followed. */
export async function postWebhook({ url, body, key, secret, timeoutMs, signal }: WebhookCall): Promise<void> {
  const { host } = new URL(url);
  const seconds = Math.floor(Date.now() / 1000);
  let response: Response;
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'pgtrek',
        'idempotency-key': key,
        ...(secret ? { 'x-pgtrek-signature': signatureOf({ secret, seconds, body }) } : {}),
      },
      body,
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    // Its head is all that counts, and an endless body must not keep the connection.
    await response.body?.cancel();
  } catch (error) {
    signal.throwIfAborted();
    throw failed(host, reasonOf(error, timeoutMs));
  }
  if (!response.ok) throw failed(host, `it answered ${String(response.status)}`);
}

/** `t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">`: with the time in it, an old message cannot be sent again unseen. */
function signatureOf({ secret, seconds, body }: { secret: string; seconds: number; body: string }): string {
  const mac = createHmac('sha256', secret)
    .update(`${String(seconds)}.${body}`)
    .digest('hex');
  return `t=${String(seconds)},v1=${mac}`;
}

function reasonOf(error: unknown, timeoutMs: number): string {
  if (error instanceof DOMException && error.name === 'TimeoutError')
    return `it did not answer within ${String(timeoutMs)} ms`;
  // fetch says only that it failed; why is its cause.
  const { cause } = error as { cause?: unknown };
  return cause instanceof Error ? cause.message || cause.name : String(error);
}

function failed(host: string, reason: string): PgtrekError {
  return new PgtrekError('HOOK_FAILED', `The webhook at ${host} was not told: ${reason}.`, {
    object: host,
    remedy: 'See to it that the receiver answers 2xx in time.',
    retryable: true,
  });
}
