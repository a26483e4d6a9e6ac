import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { assertFinding, findingsOf, startPair } from '../pair.js';
import type { Databases, Pair } from '../pair.js';

describe('open transactions of the source', () => {
  let pair: Pair;
  let databases: Databases;
  before(async () => {
    pair = await startPair({
      source: { major: 15, settings: { max_prepared_transactions: '5' } },
      target: { major: 18 },
    });
    databases = await pair.newDatabases();
  });
  after(() => pair.remove());

  it('are no matter when there are none', async () => {
    const findings = await databases.validate();
    assertFinding(findings, { id: 'source.open_transactions', verdict: 'ok' });
    assert.deepEqual(findingsOf(findings, 'source.prepared_transactions'), []);
  });

  it('are named in any database, without the values in their statements, and with the statement that ends them', async () => {
    const writer = new pg.Client({ ...pair.source.connection('postgres'), application_name: 'nightly job' });
    writer.on('error', () => undefined);
    await writer.connect();
    await writer.query('BEGIN');
    await writer.query(`CREATE TABLE secret_4711 AS SELECT 'private'::text AS x`);
    await delay(2_200);
    const findings = await databases.validate();
    const { why, remedy } = assertFinding(findings, {
      id: 'source.open_transactions',
      verdict: 'warn',
      why: /database postgres, application 'nightly job'.* for \d+ s: idle in transaction, last statement CREATE of/,
      remedy: /^SELECT pg_terminate_backend\(\d+\);$/,
    });
    assert.doesNotMatch(why, /4711|private/);
    await databases.run('source', remedy ?? '');
    assertFinding(await databases.validate(), { id: 'source.open_transactions', verdict: 'ok' });
    await writer.end().catch(() => undefined);
  });

  it('that are prepared are named with how to end them', async () => {
    await databases.run(
      'source',
      `BEGIN; CREATE TABLE later (id int PRIMARY KEY); PREPARE TRANSACTION 'half done'`,
    );
    const findings = await databases.validate();
    assertFinding(findings, {
      id: 'source.prepared_transactions',
      verdict: 'warn',
      why: /'half done' of postgres in database test_1/,
      remedy: /^COMMIT PREPARED 'half done';.*ROLLBACK PREPARED/,
    });
    await databases.run('source', `ROLLBACK PREPARED 'half done'`);
  });
});
