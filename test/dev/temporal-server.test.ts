import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Client, Connection } from '@temporalio/client';
import { findFreePort } from '../../dev/free-port.js';
import { commandLineOf } from '../../dev/process.js';
import type { TemporalServer } from '../../dev/temporal-server.js';
import { startTemporalServer } from '../../dev/temporal-server.js';
import { waitUntil } from '../../dev/wait-until.js';

describe('a Temporal dev server', () => {
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pgtrek-test-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('answers, keeps histories for 30 days, stops and leaves no process', async () => {
    const server = await startTemporalServer();
    assert.equal(server.uiUrl, undefined);
    await withClient(server, async ({ workflowService }) => {
      const { config } = await workflowService.describeNamespace({ namespace: server.namespace });
      assert.equal(Number(config?.workflowExecutionRetentionTtl?.seconds), 30 * 24 * 3600);
    });
    await server.stop();
    assert.equal(await commandLineOf(server.pid), undefined);
  });

  it('shows its Web UI when asked to', async () => {
    const server = await startTemporalServer({ ui: true });
    try {
      assert.ok(server.uiUrl);
      const { uiUrl } = server;
      const isShown = () =>
        fetch(uiUrl).then(
          (response) => response.ok,
          () => false,
        );
      assert.ok(await waitUntil(isShown, { deadlineMs: 20_000 }), `no answer from ${uiUrl}`);
    } finally {
      await server.stop();
    }
  });

  it('knows its workflows again after it was killed and started with the same port and file', async () => {
    const options = { port: await findFreePort(), dbFile: join(folder, 'kept.db') };
    const killed = await startTemporalServer(options);
    await withClient(killed, (client) =>
      client.workflow.start('nobody-runs-this', { workflowId: 'kept', taskQueue: 'none' }),
    );
    killed.kill('SIGKILL');
    const again = await startTemporalServer(options);
    try {
      assert.equal(again.address, killed.address);
      await withClient(again, async (client) => {
        const { status } = await client.workflow.getHandle('kept').describe();
        assert.equal(status.name, 'RUNNING');
      });
    } finally {
      await again.stop();
      await killed.stop();
    }
  });

  it('that cannot start fails with the end of its log', async () => {
    const start = startTemporalServer({ extraArgs: ['--no-such-flag'] });
    await assert.rejects(start, /Temporal dev server on 127\.0\.0\.1:\d+ ended:[^]*no-such-flag/);
  });
});

async function withClient(server: TemporalServer, use: (client: Client) => Promise<unknown>): Promise<void> {
  const connection = await Connection.connect({ address: server.address });
  try {
    await use(new Client({ connection, namespace: server.namespace }));
  } finally {
    await connection.close();
  }
}
