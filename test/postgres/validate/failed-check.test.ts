import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import type { Finding } from '../../../contract/findings.js';
import { assertFinding, startPair } from '../pair.js';
import type { Databases, Pair } from '../pair.js';

const SCHEMA = `
  CREATE TABLE kinds (id int PRIMARY KEY);
  CREATE TABLE items (id int PRIMARY KEY, kind int REFERENCES kinds);
  INSERT INTO kinds VALUES (1);
  INSERT INTO items SELECT n, 1 FROM generate_series(1, 10000) n;
  ANALYZE`;

describe('a check that cannot be made', () => {
  let pair: Pair;
  let databases: Databases;
  before(async () => {
    pair = await startPair({ source: { major: 15 }, target: { major: 18 } });
    databases = await pair.newDatabases();
    await databases.run('source', SCHEMA);
  });
  after(() => pair.remove());

  /** Ids with their scopes, without those of checks that failed. */
  const namesOf = (findings: Finding[]) =>
    findings.filter(({ id }) => id !== 'check.failed').map(({ id, scope }) => `${id} ${scope}`);

  it('waits a short time for a lock, says who to look for, and hides no other check', async () => {
    const spec = {
      select: { excludeData: ['public.kinds'] },
      validate: { checkTimeout: '2s' },
      mode: 'full-load' as const,
    };
    const free = await databases.validate({ spec });
    assertFinding(free, { id: 'select.referred_data', verdict: 'block' });

    const holder = new pg.Client(pair.source.connection(databases.name));
    await holder.connect();
    try {
      await holder.query('BEGIN; LOCK TABLE items IN ACCESS EXCLUSIVE MODE');
      const held = await databases.validate({ spec });
      const failed = { id: 'check.failed', verdict: 'warn' as const };
      assertFinding(held, {
        ...failed,
        scope: 'source.check sizes',
        why: /canceling statement due to lock timeout.*VACUUM and ANALYZE/,
        remedy: /pg_locks/,
      });
      assertFinding(held, {
        ...failed,
        scope: 'source.check referred_data',
        why: /lock timeout/,
      });
      assert.deepEqual(
        namesOf(held),
        namesOf(free).filter((name) => !name.startsWith('select.referred_data')),
      );
      const recorded = assertFinding(held, { id: 'select.relations', verdict: 'ok' });
      assert.doesNotMatch(recorded.why, / 0\.0 MB/);
    } finally {
      await holder.end();
    }
  });

  it('takes too long for the spec: which check, and what to raise', async () => {
    const slow = await pair.newDatabases();
    await slow.run('source', SCHEMA);
    await slow.run(
      'source',
      `SET allow_system_table_mods = on;
       CREATE OR REPLACE VIEW pg_catalog.pg_prepared_xacts AS
         SELECT transaction, gid, prepared, ''::name AS owner, ''::name AS database
         FROM pg_prepared_xact() RIGHT JOIN pg_sleep(60) ON true`,
    );
    const findings = await slow.validate({ spec: { validate: { checkTimeout: '1s' } } });
    assertFinding(findings, {
      id: 'check.failed',
      verdict: 'warn',
      scope: 'source.check prepared_transactions',
      why: /longer than validate\.checkTimeout, 1s/,
      remedy: /^Raise validate\.checkTimeout/,
    });
    assert.deepEqual(namesOf(findings), namesOf(await databases.validate()));
  });
});
