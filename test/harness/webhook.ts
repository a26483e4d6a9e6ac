/** A receiver of webhooks: a real HTTP server that keeps what it got and answers as it is told. */
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { MigrationEvent } from '../../client/index.js';

export interface WebhookMessage {
  version: number;
  migration: string;
  owner: string;
  workflowId: string;
  events: MigrationEvent[];
  missed?: { from: number; to: number };
  state: { status: string; stage: string };
}

export interface Received {
  /** Of the connection: where the signature and the key are. */
  headers: IncomingHttpHeaders;
  /** As it came. */
  body: string;
  message: WebhookMessage;
  /** What it was answered; 0: not at all. */
  answered: number;
}

export interface WebhookReceiver {
  url: string;
  received: Received[];
  /** Those that were answered 200, each key once, as a receiver that drops doubles has them. */
  accepted: () => Received[];
  /** What the next ones get, then 200 for ever; 0: no answer. */
  answerNext: (...statuses: number[]) => void;
  /** What all get from now on. */
  answerAlways: (status: number) => void;
  close: () => Promise<void>;
}

export async function startReceiver(): Promise<WebhookReceiver> {
  const received: Received[] = [];
  const next: number[] = [];
  let always = 200;
  const answer = (response: ServerResponse, status: number) => {
    if (status === 0) return;
    response.writeHead(status, status === 302 ? { location: '/elsewhere' } : {}).end('an answer');
  };
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const answered = next.shift() ?? always;
      const { headers } = request;
      received.push({ headers, body, message: JSON.parse(body) as WebhookMessage, answered });
      answer(response, answered);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${String(port)}/hook?of=pgtrek`,
    received,
    accepted: () => {
      const known = new Set<unknown>();
      return received.filter(({ answered, headers }) => {
        if (answered !== 200 || known.has(headers['idempotency-key'])) return false;
        known.add(headers['idempotency-key']);
        return true;
      });
    },
    answerNext: (...statuses) => void next.push(...statuses),
    answerAlways: (status) => {
      always = status;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
