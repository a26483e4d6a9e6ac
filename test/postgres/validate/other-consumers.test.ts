import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { assertFinding, findingsOf, startPair } from '../pair.js';
import type { Pair } from '../pair.js';

const id = 'source.publications';

describe('who reads changes of the source', () => {
  let pair: Pair;
  before(async () => {
    pair = await startPair({ source: { major: 15 }, target: { major: 18 } });
  });
  after(() => pair.remove());

  it('is told with the statements that let it go on at the target', async () => {
    const databases = await pair.newDatabases();
    const tables = 'CREATE TABLE orders (id int PRIMARY KEY); CREATE TABLE lines (id int PRIMARY KEY)';
    await databases.run('source', tables);
    await databases.run('target', tables);
    await databases.run(
      'source',
      `CREATE PUBLICATION outgoing FOR TABLE orders, lines WHERE (id > 1) WITH (publish = 'insert, truncate')`,
    );
    await databases.run('source', `SELECT pg_create_logical_replication_slot('consumer', 'test_decoding')`);
    const findings = await databases.validate();
    const publication = assertFinding(findings, {
      id,
      verdict: 'warn',
      scope: 'source.publication outgoing',
    });
    assert.match(
      publication.remedy ?? '',
      /^CREATE PUBLICATION outgoing FOR TABLE public\.lines, public\.orders WITH \(publish = 'insert, truncate'\); -- .* conditions/,
    );
    await databases.run('target', publication.remedy ?? '');
    const slot = assertFinding(findings, { id, verdict: 'warn', scope: 'source.slot consumer' });
    assert.match(slot.remedy ?? '', /pg_create_logical_replication_slot\('consumer', 'test_decoding'\)/);
    await pair.clear(databases);
  });

  it('is not told where mode cdc was given its publication and slot', async () => {
    const databases = await pair.newDatabases();
    await databases.run('source', 'CREATE TABLE orders (id int PRIMARY KEY)');
    await databases.run('source', 'CREATE PUBLICATION given FOR TABLE orders');
    await databases.run('source', `SELECT pg_create_logical_replication_slot('given', 'pgoutput')`);
    const findings = await databases.validate({
      spec: { mode: 'cdc', cdc: { start: { slot: 'given', publication: 'given' } } },
    });
    assert.deepEqual(findingsOf(findings, id), []);
    await pair.clear(databases);
  });
});
