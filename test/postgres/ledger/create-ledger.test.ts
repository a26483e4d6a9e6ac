import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { withTarget } from '../../../postgres/job.js';
import { createLedger, upgradeLedger } from '../../../postgres/ledger/create-ledger.js';
import { readTables } from '../../../postgres/load/read-tables.js';
import { jobFor } from '../fingerprint/dumped.js';
import { startPair } from '../pair.js';
import type { Databases, Pair } from '../pair.js';

const OLD_LEDGER = new URL('../../fixtures/sql/ledger-of-0.2.sql', import.meta.url);

const COLUMNS_SQL = `
  SELECT c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, -1) || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END AS line
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
  WHERE c.relnamespace = 'pgtrek'::regnamespace AND c.relkind = 'r' AND a.attname <> 'is_partition'
  UNION
  SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
  WHERE connamespace = 'pgtrek'::regnamespace AND contype = 'p'
  ORDER BY 1`;

describe('a ledger that an older pgtrek made', () => {
  let pair: Pair;
  before(async () => {
    pair = await startPair({ source: { major: 15 }, target: { major: 15 } });
  });
  after(() => pair.remove());

  async function withOldLedger(): Promise<Databases> {
    const databases = await pair.newDatabases();
    await databases.run('target', await readFile(OLD_LEDGER, 'utf8'));
    return databases;
  }

  it('gets all that a new one has, once', async () => {
    const [old, fresh] = [await withOldLedger(), await pair.newDatabases()];
    for (const databases of [old, old, fresh])
      await withTarget(jobFor(databases), 'test', (target) => createLedger(target, 'new', 'three'));
    assert.deepEqual(await old.run('target', COLUMNS_SQL), await fresh.run('target', COLUMNS_SQL));
  });

  it('is upgraded by two sessions at the same moment, and left alone where there is none', async () => {
    const [old, none] = [await withOldLedger(), await pair.newDatabases()];
    const upgrade = (databases: Databases) => withTarget(jobFor(databases), 'test', upgradeLedger);
    await Promise.all([upgrade(old), upgrade(old), upgrade(none)]);
    assert.deepEqual(await none.run('target', `SELECT to_regnamespace('pgtrek')::text AS found`), [
      { found: null },
    ]);
  });

  it('knows its lanes, roots and partitions afterwards', async () => {
    const databases = await withOldLedger();
    await withTarget(jobFor(databases), 'test', upgradeLedger);
    const rows = await databases.run(
      'target',
      `SELECT owner, string_agg(format('%s %s %s %s', id, root, coalesce(lane, 'none'), is_indexed), ', ' ORDER BY id) AS is
       FROM pgtrek.relation GROUP BY 1 ORDER BY 1`,
    );
    const one = 'pgtrek_one_2 f';
    const two = 'pgtrek_two_1 t';
    assert.deepEqual(rows, [
      { owner: 'loads', is: `1 1 ${one}, 2 2 ${one}, 3 3 ${one}, 4 0 ${one}, 5 5 none f` },
      { owner: 'replicates', is: `1 1 ${two}, 2 2 ${two}, 3 3 ${two}, 4 0 ${two}, 5 5 none t` },
    ]);
  });

  it('is read as before', async () => {
    const databases = await withOldLedger();
    const read = async (owner: string) =>
      (await readTables({ ...jobFor(databases), owner }, 0, 10)).map(
        ({ table, status, rows, parts, partsCopied }) => `${table} ${status} ${rows} ${partsCopied}/${parts}`,
      );
    assert.deepEqual(await read('loads'), [
      'public.a copied 10 1/1',
      'public.b waiting 0 0/1',
      'public.leaf waiting 0 0/1',
    ]);
    assert.deepEqual(await read('replicates'), [
      'public.a ready 10 1/1',
      'public.b ready 0 1/1',
      'public.leaf ready 5 1/1',
    ]);
  });
});
