import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { withSource } from '../../../postgres/job.js';
import {
  MAX_PARTS,
  countParts,
  cutByPages,
  effectiveSplitSize,
  readConditions,
} from '../../../postgres/load/plan-parts.js';
import { jobFor } from '../fingerprint/dumped.js';
import { startPair } from '../pair.js';
import type { Databases, Pair } from '../pair.js';

const MB = 1024n ** 2n;
const table = (bytes: bigint) => ({ bytes, pages: Number(bytes / 8192n) });

describe('parts of a table', () => {
  it('are about the split size each', () => {
    assert.equal(countParts(table(256n * MB), 256n * MB), 1);
    assert.equal(countParts(table(257n * MB), 256n * MB), 2);
    assert.equal(countParts(table(1024n * MB), 256n * MB), 4);
  });

  it('are never more than the heap has pages, whatever TOAST holds', () => {
    assert.equal(countParts({ bytes: 1024n * MB, pages: 3 }, MB), 3);
    assert.equal(countParts({ bytes: 1024n * MB, pages: 1 }, MB), 1);
  });

  it('begin and end open, and leave no page out', () => {
    assert.deepEqual(cutByPages(10, 3), [
      `ctid < '(3,0)'::tid`,
      `ctid >= '(3,0)'::tid AND ctid < '(6,0)'::tid`,
      `ctid >= '(6,0)'::tid`,
    ]);
  });

  it('are so many at most over a huge database', () => {
    const tables = [table(60_000_000n * MB), ...Array.from({ length: 900 }, () => table(400n * MB))];
    const size = effectiveSplitSize(tables, 256n * MB);
    const parts = tables.map((each) => countParts(each, size)).filter((count) => count > 1);
    const sum = parts.reduce((total, count) => total + count, 0);
    assert.ok(sum <= MAX_PARTS && sum > MAX_PARTS / 2, String(sum));
    assert.equal(effectiveSplitSize([table(1024n * MB)], 256n * MB), 256n * MB);
  });
});

describe('parts by key', () => {
  let pair: Pair;
  let databases: Databases;
  before(async () => {
    pair = await startPair({ source: { major: 15 }, target: { major: 15 } });
    databases = await pair.newDatabases();
    await databases.run('source', 'CREATE EXTENSION citext');
  });
  after(() => pair.remove());

  /** The conditions that a server before 14 gets, on a newer one: key ranges mean the same there. */
  async function cut(definition: string, rows = ''): Promise<{ conditions: string[]; found: number[] }> {
    await databases.run('source', `DROP TABLE IF EXISTS keyed; CREATE TABLE keyed (${definition}); ${rows}`);
    return withSource(jobFor(databases), 'test', async (source) => {
      const { oid } = await source.one<{ oid: number }>(`SELECT 'public.keyed'::regclass::oid AS oid`);
      source.version = 130000;
      const table = { id: 1, oid, qualified: 'public.keyed', bytes: 8n * MB, pages: 1024 };
      const conditions = await readConditions(source, table, 4);
      const found: number[] = [];
      for (const condition of conditions) {
        const sql = `SELECT count(*)::int AS n FROM ONLY public.keyed WHERE ${condition}`;
        found.push((await source.one<{ n: number }>(sql)).n);
      }
      return { conditions, found };
    });
  }

  for (const [definition, value] of [
    ['"Key" int PRIMARY KEY', 'n - 500'],
    ['k bigint, x int, PRIMARY KEY (k, x)', 'n / 10, n'],
    ['k numeric PRIMARY KEY', `CASE n WHEN 1 THEN 'NaN' ELSE n / 7.0 END`],
    ['k float8 PRIMARY KEY', `CASE n WHEN 1 THEN 'NaN' WHEN 2 THEN '-Infinity' ELSE n / 7.0 END`],
    ['k uuid PRIMARY KEY', 'md5(n::text)::uuid'],
    ['k text COLLATE "C" PRIMARY KEY', `chr(65 + n % 60) || '\\ '' ' || n`],
    ['k text PRIMARY KEY', `chr(65 + n % 60) || n`],
    ['k char(8) PRIMARY KEY', `'k' || n`],
    ['k bytea PRIMARY KEY', 'decode(md5(n::text), $$hex$$)'],
    [
      'k timestamptz PRIMARY KEY',
      `CASE n WHEN 1 THEN '-infinity' ELSE timestamptz '2026-03-29' + n * interval '1 min' END`,
    ],
    ['k date, PRIMARY KEY (k)', `date '4000-01-01 BC' + n`],
    ['k inet NOT NULL UNIQUE', `'10.0.0.0'::inet + n`],
    ['k bool NOT NULL, x int, PRIMARY KEY (k, x)', 'n % 3 = 0, n'],
  ] as const) {
    it(`take each row once: ${definition}`, async () => {
      const rows = `INSERT INTO keyed SELECT ${value} FROM generate_series(1, 1000) n`;
      const { conditions, found } = await cut(definition, rows);
      assert.ok(conditions.length > 1, conditions.join('; '));
      assert.equal(
        found.reduce((sum, n) => sum + n, 0),
        1000,
        conditions.join('; '),
      );
    });
  }

  for (const definition of [
    'k int',
    'k int UNIQUE',
    'k citext PRIMARY KEY',
    'k int[] PRIMARY KEY',
    'k int NOT NULL, EXCLUDE (k WITH =)',
  ]) {
    it(`are none without a key that orders all rows: ${definition}`, async () => {
      assert.deepEqual((await cut(definition)).conditions, []);
    });
  }

  it('are none where the sample is empty', async () => {
    assert.deepEqual((await cut('k int PRIMARY KEY')).conditions, []);
  });
});
