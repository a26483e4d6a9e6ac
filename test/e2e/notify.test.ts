import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Client, Connection } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { connect } from '../../client/index.js';
import type { MigrationEvent, Pgtrek, SpecInput } from '../../client/index.js';
import { NOTABLE_KINDS, NOTIFY_FAILED, matchesKind } from '../../contract/event-kinds.js';
import { waitUntil } from '../../dev/wait-until.js';
import { assertNothingLeft } from '../harness/leaks.js';
import { untilBlocked, untilCompleted, untilState } from '../harness/migrations.js';
import { findSecret, textOf } from '../harness/secrets.js';
import { specFor } from '../harness/spec.js';
import { startReceiver } from '../harness/webhook.js';
import type { WebhookMessage, WebhookReceiver } from '../harness/webhook.js';
import { startWorker } from '../harness/worker.js';
import type { TestWorker } from '../harness/worker.js';
import { createDatabases, openWorld } from '../harness/world.js';
import type { Databases, World } from '../harness/world.js';

const QUEUE = 'notify';
const SECRET = 'the webhook’s hookSecret04 %41 "quoted"';

describe('notifications', { concurrency: true }, () => {
  let world: World;
  let worker: TestWorker;
  let client: Pgtrek;
  let connection: Connection;
  let temporal: Client;
  let hooks: string;
  const receivers: WebhookReceiver[] = [];

  before(async () => {
    // A real server suggests it at 4,096 events.
    world = await openWorld({
      temporalArgs: ['--dynamic-config-value', 'limit.historyCount.suggestContinueAsNew=60'],
    });
    hooks = path.join(world.folder, 'hooks');
    await mkdir(hooks);
    const keep = path.join(hooks, 'keep');
    await writeFile(keep, '#!/bin/sh\n{ cat; echo; } >> "$1"\n');
    await chmod(keep, 0o755);
    worker = await startTold(QUEUE);
    client = await connect({ address: world.temporal.address, taskQueue: QUEUE });
    connection = await Connection.connect({ address: world.temporal.address });
    temporal = new Client({ connection });
  });
  after(async () => {
    await Promise.all(receivers.map((receiver) => receiver.close()));
    await connection.close();
    await client.close();
    await worker.stop();
    await world.close();
  });

  it('tell a webhook and a command of a whole migration, its end included, and the secret to nobody', async () => {
    const receiver = await receive();
    receiver.answerNext(500, 503);
    const kept = path.join(world.folder, 'kept');
    const databases = await createDatabases(world, 'told');
    const migration = await client.start(
      specFor('told', databases, {
        taskQueue: QUEUE,
        cdc: { stop: { now: true } },
        notify: {
          webhook: { url: receiver.url, secret: { env: 'WEBHOOK_SECRET' } },
          command: { run: ['keep', kept] },
        },
      }),
    );
    const { events, owner } = await untilCompleted(migration);
    const notable = events.filter(({ kind }) => matchesKind(NOTABLE_KINDS, kind));
    assert.ok(notable.length > 5);
    await migration.result();
    const byWebhook = receiver.accepted().map(({ message }) => message);
    const byCommand = (await readFile(kept, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as WebhookMessage);
    for (const messages of [byWebhook, byCommand]) {
      assert.deepEqual(eventsOf(messages), notable, 'all of them, once and in order');
      assert.deepEqual(messages.at(-1)?.state, { status: 'completed', stage: 'stop' });
      assert.ok(messages.every((message) => message.owner === owner && message.workflowId === 'pgtrek-told'));
    }
    assert.equal(notable.at(-1)?.kind, 'finished');
    assert.deepEqual(
      receiver.received.slice(0, 3).map(({ answered }) => answered),
      [500, 503, 200],
    );
    assertSameUnderOneKey(receiver);
    assert.ok(receiver.received.every(({ headers }) => headers['x-pgtrek-signature'] !== undefined));

    const history = await temporal.workflow.getHandle('pgtrek-told').fetchHistory();
    for (const text of [textOf(history), JSON.stringify(historyToJSON(history)), worker.log()])
      assert.deepEqual(findSecret(text, SECRET), []);
    await assertNothingLeft(databases);
  });

  it('outlive a receiver that is down, the death of the worker and new runs, and tell what was missed', async () => {
    const receiver = await receive();
    receiver.answerAlways(503);
    const queue = `${QUEUE}-down`;
    const databases = await createDatabases(world, 'down');
    const mortal = await startTold(queue);
    const migration = await client.start(
      specFor('down', databases, {
        taskQueue: queue,
        notify: { webhook: { url: receiver.url, secret: { env: 'WEBHOOK_SECRET' } }, events: ['*'] },
      }),
    );
    const handle = temporal.workflow.getHandle('pgtrek-down');
    const { runId } = await handle.describe();
    await untilState(migration, ({ stage }) => stage === 'load');
    assert.ok(await waitUntil(async () => receiver.received.length > 0, { deadlineMs: 10_000 }));
    mortal.kill('SIGKILL');
    await mortal.ended;
    const second = await startTold(queue);
    try {
      await untilState(migration, ({ stage }) => stage === 'monitor');
      // More than the state keeps; a full load would write them one by one over weeks.
      for (let n = 0; n < 230; n += 1) await handle.signal(`noise-${String(n)}`);
      await untilState(
        migration,
        ({ events }) =>
          events.some(({ kind }) => kind === 'continued') && events[0]?.kind === 'unknown-signal',
      );
      assert.notEqual((await handle.describe()).runId, runId);
      receiver.answerAlways(200);
      await migration.stop({ now: true });
      const { events } = await untilCompleted(migration);
      await migration.result();
      const messages = receiver.accepted().map(({ message }) => message);
      // What was being told when the history grew long may still be told; what no run had in its state any more is told as missed.
      const gaps = messages.flatMap(({ missed }) => missed ?? []);
      assert.equal(gaps.length, 1);
      const told = eventsOf(messages);
      const last = events.at(-1)?.n ?? 0;
      const isMissed = (n: number) => gaps.some(({ from, to }) => from <= n && n <= to);
      assert.deepEqual(
        told.map(({ n }) => n),
        Array.from({ length: last }, (_, n) => n + 1).filter((n) => !isMissed(n)),
        'all that were not missed, once and in order',
      );
      assert.equal(told.at(-1)?.kind, 'finished');
      assert.ok(messages.every((message) => message.events.length <= 50));
      assertSameUnderOneKey(receiver);
      await assertNothingLeft(databases);
    } finally {
      await second.stop();
    }
  });

  it('do not keep an abort waiting for a receiver that never answers', async () => {
    const receiver = await receive();
    receiver.answerAlways(0);
    const databases = await createDatabases(world, 'dead');
    const migration = await client.start(unreachable('dead', databases, { webhook: { url: receiver.url } }));
    await untilBlocked(migration);
    assert.ok(await waitUntil(async () => receiver.received.length > 0, { deadlineMs: 10_000 }));
    const begun = Date.now();
    await migration.abort();
    assert.equal((await migration.result()).outcome, 'aborted');
    const seconds = (Date.now() - begun) / 1000;
    assert.ok(seconds > 15 && seconds < 30, `the end took ${String(seconds)} s`);
  });

  it('tell of a cancelled workflow too, and of a command that the worker does not allow, once', async () => {
    const receiver = await receive();
    const databases = await createDatabases(world, 'cancelled');
    const migration = await client.start(
      unreachable('cancelled', databases, {
        webhook: { url: receiver.url },
        command: { run: ['rm', '-rf', '/'] },
        events: ['*'],
      }),
    );
    const { findings } = await untilBlocked(migration);
    assert.match(
      findings.find(({ id }) => id === 'notify.command')?.why ?? '',
      /rm is not allowed on this worker/,
    );
    await untilState(migration, ({ events }) => events.some(({ kind }) => kind === NOTIFY_FAILED));
    await temporal.workflow.getHandle('pgtrek-cancelled').cancel();
    const { events } = await untilState(migration, ({ status }) => status === 'aborted');
    assert.equal((await migration.result()).outcome, 'aborted');
    assert.equal(events.filter(({ kind }) => kind === NOTIFY_FAILED).length, 1);
    const told = eventsOf(receiver.accepted().map(({ message }) => message));
    assert.deepEqual(
      told.map(({ kind }) => kind),
      ['stage', 'blocked', 'aborted'],
    );
  });

  function startTold(taskQueue: string): Promise<TestWorker> {
    const env = { WEBHOOK_SECRET: SECRET, PGTREK_HOOKS: hooks, PGTREK_LOG_LEVEL: 'trace' };
    return startWorker(world, { taskQueue, env });
  }

  async function receive(): Promise<WebhookReceiver> {
    const receiver = await startReceiver();
    receivers.push(receiver);
    return receiver;
  }

  /** validate blocks at once, and nothing is made. */
  function unreachable(name: string, databases: Databases, notify: SpecInput['notify']): SpecInput {
    const spec = specFor(name, databases, { taskQueue: QUEUE, notify });
    spec.target.port = 1;
    return spec;
  }
});

function eventsOf(messages: WebhookMessage[]): MigrationEvent[] {
  return messages.flatMap(({ events }) => events);
}

/** What is sent again has the key that it had. */
function assertSameUnderOneKey({ received }: WebhookReceiver): void {
  const known = new Map<unknown, MigrationEvent[]>();
  for (const { headers, message } of received) {
    const key = headers['idempotency-key'];
    assert.deepEqual(known.get(key) ?? message.events, message.events);
    known.set(key, message.events);
  }
}
