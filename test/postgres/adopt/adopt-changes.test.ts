import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startPair } from '../pair.js';
import type { Pair } from '../pair.js';
import { CASES } from '../fingerprint/cases.js';
import { SCHEMA_SQL } from '../fingerprint/schema.js';
import { adoptChanges } from '../../../postgres/adopt/adopt-changes.js';
import { adopt, copyOf, driftOf, replicatedMigration, differencesOf } from './adopted.js';
import type { Replicated } from './adopted.js';

const TO_LOAD: Record<string, string[]> = {};

describe('adoption of a schema change', { concurrency: 2 }, () => {
  let pair: Pair;
  let original: Replicated;
  before(async () => {
    pair = await startPair({
      source: { major: 15, settings: { wal_level: 'logical' } },
      target: { major: 18 },
    });
    await pair.newDatabases().then(async ({ run }) => {
      for (const end of ['source', 'target'] as const) await run(end, 'CREATE ROLE reader; CREATE ROLE boss');
    });
    original = await replicatedMigration(pair, SCHEMA_SQL, { select: { exclude: ['audit.*'] } });
  });
  after(async () => {
    await original.end();
    await pair.remove();
  });

  it('finds nothing where nothing has changed', async () => {
    const copy = await copyOf(pair, original);
    assert.deepEqual(await adoptChanges(copy.job, { lanes: [copy.lane], standing: false }), {
      adopted: [],
      left: [],
      tables: [],
    });
    assert.deepEqual(await differencesOf(copy), { source: [], target: [] });
  });

  for (const { title, sql } of CASES.filter(({ title }) => title !== 'an unlogged table')) {
    it(`brings over ${title}`, async () => {
      const copy = await copyOf(pair, original);
      await copy.databases.run('source', sql);
      const { whileRunning, standing } = await adopt(copy);
      const last = standing ?? whileRunning;
      if (process.env['SHOW']) console.log(title, standing ? 'STANDING' : '', last.tables);
      assert.deepEqual(await differencesOf(copy), { source: [], target: [] });
      assert.deepEqual(await driftOf(copy), []);
      assert.deepEqual(last.tables, TO_LOAD[title] ?? []);
      const again = await adoptChanges(copy.job, { lanes: [copy.lane], standing: true });
      assert.deepEqual(again, { adopted: [], left: [], tables: last.tables });
    });
  }
});
