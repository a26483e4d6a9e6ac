import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Cluster } from '../../../dev/cluster.js';
import { assertFinding, startPair } from '../pair.js';
import type { Databases, Pair } from '../pair.js';

for (const major of [15, 18]) {
  describe(`a standby of ${String(major)}`, () => {
    let pair: Pair;
    let databases: Databases;
    before(async () => {
      pair = await startPair({ source: { major }, target: { major } });
      databases = await pair.newDatabases();
      await databases.run('source', 'CREATE TABLE items (id int PRIMARY KEY)');
    });
    after(() => pair.remove());

    it('is no source of changes, and warned of as the source of a full load', async () => {
      assertFinding(await databases.validate(), { id: 'source.primary', verdict: 'ok' });
      await demote(pair.source);
      assertFinding(await databases.validate(), {
        id: 'source.primary',
        verdict: 'block',
        why: /is a standby/,
        remedy: /primary/,
      });
      const fullLoad = await databases.validate({ spec: { mode: 'full-load' } });
      assertFinding(fullLoad, { id: 'source.primary', verdict: 'warn', why: /may cancel long reads/ });
    });

    it('is no target', async () => {
      assertFinding(await databases.validate(), { id: 'target.primary', verdict: 'ok' });
      await demote(pair.target);
      const findings = await databases.validate({ spec: { mode: 'full-load' } });
      assertFinding(findings, { id: 'target.primary', verdict: 'block', why: /cannot be written/ });
      assert.ok(findings.some(({ id }) => id === 'target.version'));
    });
  });
}

/** It stays in recovery, waiting for a primary that there is none of. */
async function demote(cluster: Cluster): Promise<void> {
  await cluster.stop();
  await writeFile(path.join(cluster.dataDir, 'standby.signal'), '');
  await cluster.start();
}
