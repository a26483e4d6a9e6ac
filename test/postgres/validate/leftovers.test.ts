import { after, before, describe, it } from 'node:test';
import { assertFinding, findingsOf, startPair } from '../pair.js';
import type { Databases, Pair } from '../pair.js';
import assert from 'node:assert/strict';

const LANE = 'pgtrek_move_it_1';

describe('leftovers of an earlier run', () => {
  let pair: Pair;
  let databases: Databases;
  before(async () => {
    pair = await startPair({ source: { major: 15 }, target: { major: 18 } });
    databases = await pair.newDatabases();
  });
  after(() => pair.remove());

  it('are told as absent when there are none; another migration’s are no matter', async () => {
    await databases.run(
      'source',
      `CREATE PUBLICATION pgtrek_move_it_too_1; CREATE PUBLICATION pgtrek_other_1`,
    );
    const findings = await databases.validate();
    assertFinding(findings, { id: 'leftovers', scope: 'source', verdict: 'ok' });
    assertFinding(findings, { id: 'leftovers', scope: 'target', verdict: 'ok' });
  });

  it('block with their owner, unless they are the asker’s own', async () => {
    const journal = `
      CREATE SCHEMA pgtrek; CREATE TABLE pgtrek.${LANE} (id text PRIMARY KEY);
      COMMENT ON TABLE pgtrek.${LANE} IS 'pgtrek owner=run-1';`;
    await databases.run(
      'source',
      `${journal} CREATE PUBLICATION ${LANE} FOR TABLE pgtrek.${LANE}; COMMENT ON PUBLICATION ${LANE} IS 'pgtrek owner=run-1'`,
    );
    await databases.run('source', `SELECT pg_create_logical_replication_slot('${LANE}', 'pgoutput')`);
    await databases.run(
      'target',
      `${journal}
       CREATE TABLE pgtrek.migration (owner text, name text);
       INSERT INTO pgtrek.migration VALUES ('run-1', 'move-it'), ('run-9', 'other');
       CREATE SUBSCRIPTION ${LANE} CONNECTION '' PUBLICATION ${LANE} WITH (connect = false);
       COMMENT ON SUBSCRIPTION ${LANE} IS 'pgtrek owner=run-1'`,
    );
    const findings = await databases.validate({ owner: 'run-2' });
    const expected = {
      id: 'leftovers',
      verdict: 'block' as const,
      remedy: /pgtrek orphans -f spec\.yaml --remove/,
    };
    assertFinding(findings, {
      ...expected,
      scope: 'source',
      why: new RegExp(
        `slot ${LANE} \\(run run-1\\), publication ${LANE} \\(run run-1\\), journal ${LANE} \\(run run-1\\)\\.$`,
      ),
    });
    assertFinding(findings, {
      ...expected,
      scope: 'target',
      why: new RegExp(
        `subscription ${LANE} \\(run run-1\\), journal ${LANE} \\(run run-1\\), ledger move-it \\(run run-1\\)\\.$`,
      ),
    });
    const own = await databases.validate({ owner: 'run-1' });
    assert.ok(findingsOf(own, 'leftovers').every(({ verdict }) => verdict === 'ok'));
    assert.ok(
      findingsOf(await databases.validate(), 'leftovers').every(({ verdict }) => verdict === 'block'),
    );
  });

  it('include a slot of the same name in another database', async () => {
    const other = await pair.newDatabases();
    assertFinding(await other.validate(), {
      id: 'source.slot_name',
      verdict: 'block',
      why: /another database \(test_1\)/,
      remedy: /another name than move-it/,
    });
    assert.deepEqual(findingsOf(await databases.validate(), 'source.slot_name'), []);
  });
});
