import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { SpecInput } from '../../../contract/spec.js';
import { assertFinding, findingsOf, startPair } from '../pair.js';
import type { Databases, Pair, ValidateOptions } from '../pair.js';

const TABLES = 'CREATE TABLE t (id int PRIMARY KEY, note text)';

describe('the way back', () => {
  let pair: Pair;
  let databases: Databases;
  before(async () => {
    pair = await startPair({
      source: { major: 15, settings: { wal_level: 'logical', max_logical_replication_workers: '0' } },
      target: { major: 18, settings: { wal_level: 'replica' } },
    });
    databases = await pair.newDatabases();
    await databases.run('source', TABLES);
  });
  after(() => pair.remove());

  const REVERSE: Partial<SpecInput> = { cutover: { reverse: true } };
  const validate = (options: ValidateOptions = {}, from = databases) =>
    from.validate({ ...options, spec: { ...REVERSE, ...options.spec } });

  it('is looked at only where it is asked for', async () => {
    const found = await databases.validate();
    assert.deepEqual(
      found.filter(({ id }) => id.startsWith('reverse.')),
      [],
    );
    const loaded = await validate({ spec: { mode: 'full-load' } });
    assert.deepEqual(
      loaded.filter(({ id }) => id.startsWith('reverse.')),
      [],
    );
  });

  it('needs on the target what replication needs on the source, and the other way round', async () => {
    const found = await validate();
    assertFinding(found, {
      id: 'reverse.target.wal_level',
      verdict: 'block',
      why: /^For the way back: wal_level of the target is replica/,
      remedy: /ALTER SYSTEM SET wal_level = 'logical'/,
    });
    assertFinding(found, {
      id: 'reverse.source.apply_workers',
      verdict: 'block',
      why: /source has no free logical replication workers/,
    });
    for (const id of [
      'reverse.target.slots',
      'reverse.target.wal_senders',
      'reverse.target.privileges.replication',
      'reverse.source.origins',
      'reverse.source.privileges.subscribe',
    ])
      assertFinding(found, { id, verdict: 'ok' });
    assertFinding(found, {
      id: 'reverse.source.reaches_target',
      verdict: 'ok',
      why: /The source server reaches the target at 127\.0\.0\.1:\d+\/test_1/,
    });
    assertFinding(found, { id: 'source.wal_level', verdict: 'ok' });
  });

  it('is tried from the source server, by target.replication', async () => {
    assertFinding(await validate({ back: { port: 1 } }), {
      id: 'reverse.source.reaches_target',
      verdict: 'block',
      why: /The source server cannot reach the target at 127\.0\.0\.1:1: .*refused/,
      remedy: /set target\.replication to an address/,
    });
    await databases.run('target', `CREATE ROLE reader LOGIN PASSWORD 'x'`);
    assertFinding(await validate({ back: { user: 'reader', password: 'x' } }), {
      id: 'reverse.target.privileges.replication',
      verdict: 'block',
      why: /Role reader of the target is neither superuser nor has it REPLICATION/,
    });
  });

  it('says what an older source needs for it', async () => {
    await databases.run(
      'source',
      `CREATE ROLE mover LOGIN REPLICATION PASSWORD 'mover'; GRANT CREATE ON DATABASE test_1 TO mover; ALTER TABLE t OWNER TO mover`,
    );
    const found = await validate({ source: { user: 'mover', password: 'mover' } });
    assertFinding(found, {
      id: 'reverse.source.privileges.subscribe',
      verdict: 'block',
      why: /Role mover of the source may not create subscriptions/,
      remedy: /SUPERUSER; -- before PostgreSQL 16/,
    });
    assert.deepEqual(findingsOf(found, 'reverse.source.reaches_target'), []);
  });

  it('compares tables that are there already, mode cdc: of those that flow', async () => {
    const own = await pair.newDatabases();
    await own.run('source', TABLES);
    await own.run('target', `${TABLES}; ALTER TABLE t ADD more int; CREATE TABLE other (a int)`);
    const found = await validate({ spec: { mode: 'cdc' } }, own);
    assertFinding(found, {
      id: 'reverse.source.tables',
      verdict: 'block',
      why: /public\.t of the source lacks columns of the target: more/,
    });
    assertFinding(found, { id: 'reverse.target.replica_identity', verdict: 'ok', why: /All 1 tables/ });
    await own.run('target', 'ALTER TABLE t DROP CONSTRAINT t_pkey');
    assertFinding(await validate({ spec: { mode: 'cdc' } }, own), {
      id: 'reverse.target.replica_identity',
      verdict: 'block',
      why: /UPDATE and DELETE fail on the target/,
    });
  });
});
