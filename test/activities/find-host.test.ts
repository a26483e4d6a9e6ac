import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { startTemporalServer } from '../../dev/temporal-server.js';
import type { TemporalServer } from '../../dev/temporal-server.js';
import { waitUntil } from '../../dev/wait-until.js';
import { workflowCode } from '../harness/cache.js';
import { startWorker } from '../harness/worker.js';
import type { TestWorker } from '../harness/worker.js';

const QUEUE = 'hosts';

Runtime.install({ logger: new DefaultLogger('ERROR') });

describe('a host for what must stay on one machine', () => {
  let folder: string;
  let temporal: TemporalServer;
  let asker: { ask: (not?: string) => Promise<string>; close: () => Promise<void> };
  const workers: TestWorker[] = [];

  const start = async (hostId: string) => {
    const bundle = await workflowCode();
    const world = { temporal, folder, bundle, source: { password: '' }, target: { password: '' } };
    const worker = await startWorker(world, { taskQueue: QUEUE, env: { PGTREK_HOST_ID: hostId } });
    workers.push(worker);
    return worker;
  };

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'pgtrek-test-'));
    temporal = await startTemporalServer();
    asker = await startAsker(temporal);
  });
  after(async () => {
    await Promise.all(workers.map((worker) => worker.stop()));
    await asker.close();
    await temporal.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('is the only one that there is, whichever is unwanted', async () => {
    await start('one');
    assert.equal(await asker.ask(), `${QUEUE}@one`);
    assert.equal(await asker.ask(`${QUEUE}@one`), `${QUEUE}@one`);
  });

  it('is another one than the unwanted, also when that one is asked', async () => {
    await start('the second@home');
    await waitUntil(async () => (await asker.ask(`${QUEUE}@one`)) !== `${QUEUE}@one`, { deadlineMs: 10_000 });
    for (let n = 0; n < 10; n += 1) {
      assert.equal(await asker.ask(`${QUEUE}@one`), `${QUEUE}@the second@home`);
      assert.equal(await asker.ask(`${QUEUE}@the second@home`), `${QUEUE}@one`);
    }
  });
});

/** Its own worker, for the workflow alone. */
async function startAsker(temporal: TemporalServer) {
  const native = await NativeConnection.connect({ address: temporal.address });
  const worker = await Worker.create({
    connection: native,
    taskQueue: 'askers',
    workflowsPath: fileURLToPath(new URL('fixtures/ask-for-host.ts', import.meta.url)),
  });
  const running = worker.run();
  const connection = await Connection.connect({ address: temporal.address });
  const client = new Client({ connection });
  return {
    ask: (not?: string) =>
      client.workflow.execute<(queue: string, not?: string) => Promise<string>>('askForHost', {
        taskQueue: 'askers',
        workflowId: randomUUID(),
        args: [QUEUE, ...(not === undefined ? [] : [not])] as [string, string?],
      }),
    async close() {
      worker.shutdown();
      await running;
      await Promise.all([native.close(), connection.close()]);
    },
  };
}
