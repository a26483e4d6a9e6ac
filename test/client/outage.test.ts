import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { connect } from '../../client/index.js';
import { findFreePort } from '../../dev/free-port.js';
import { startTemporalServer } from '../../dev/temporal-server.js';
import { hasCode } from './fixtures/has-code.js';
import { specNamed } from './fixtures/specs.js';
import { startTestWorker } from './fixtures/test-worker.js';

it('a watch rides out the death of the Temporal server', { timeout: 120_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pgtrek-test-'));
  const options = { port: await findFreePort(), dbFile: join(folder, 'temporal.db') };
  let server = await startTemporalServer(options);
  const worker = await startTestWorker(server);
  const pgtrek = await connect({ address: server.address });
  try {
    const migration = await pgtrek.start(specNamed('orders'));
    const seen: string[] = [];
    for await (const { problem, state } of migration.watch({ intervalMs: 100 })) {
      assert.equal(state.name, 'orders');
      const what = problem?.code ?? state.status;
      if (seen.at(-1) === what) continue;
      seen.push(what);
      if (seen.length === 1) server.kill('SIGKILL');
      if (what === 'TEMPORAL_UNREACHABLE') {
        await assert.rejects(migration.state(), hasCode('TEMPORAL_UNREACHABLE'));
        await server.stop();
        server = await startTemporalServer(options);
      } else if (seen.length > 1 && what === 'running') await migration.abort();
    }
    const unexpected = seen.filter(
      (what) => !['running', 'TEMPORAL_UNREACHABLE', 'NO_WORKER', 'aborted'].includes(what),
    );
    assert.deepEqual(unexpected, []);
    assert.equal(seen.at(-1), 'aborted');
  } finally {
    await pgtrek.close();
    await worker.stop();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
});
