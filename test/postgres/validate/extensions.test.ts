import { after, before, describe, it } from 'node:test';
import { assertFinding, startPair } from '../pair.js';
import type { Pair } from '../pair.js';

const ID = 'target.extensions';

describe('extensions of the source', () => {
  let pair: Pair;
  before(async () => {
    pair = await startPair({ source: { major: 15 }, target: { major: 18 } });
  });
  after(() => pair.remove());

  it('are no matter when there are none, or the target has the same', async () => {
    const databases = await pair.newDatabases();
    assertFinding(await databases.validate(), { id: ID, verdict: 'ok', why: /no extensions/ });
    await databases.run('source', 'CREATE EXTENSION pg_prewarm');
    assertFinding(await databases.validate(), { id: ID, verdict: 'ok', why: /pg_prewarm/ });
  });

  it('warn when the target has another version', async () => {
    const databases = await pair.newDatabases();
    await databases.run('source', `CREATE EXTENSION pg_prewarm VERSION '1.1'`);
    assertFinding(await databases.validate(), {
      id: ID,
      verdict: 'warn',
      why: /is 1\.1 on the source, and the target installs 1\.2/,
    });
  });

  it('block when the target does not have them', async () => {
    const databases = await pair.newDatabases();
    // As if its package were missing on the target.
    await databases.run(
      'source',
      `CREATE EXTENSION pg_prewarm; UPDATE pg_extension SET extname = 'postgis' WHERE extname = 'pg_prewarm'`,
    );
    assertFinding(await databases.validate(), {
      id: ID,
      verdict: 'block',
      scope: 'target.extension postgis',
      why: /postgis 1\.2 \(schema public\) of the source is not available/,
      remedy: /Install its package/,
    });
  });
});
