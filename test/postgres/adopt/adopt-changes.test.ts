import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { adoptChanges } from '../../../postgres/adopt/adopt-changes.js';
import { openSession } from '../../../postgres/session.js';
import { CASES } from '../fingerprint/cases.js';
import { SCHEMA_SQL } from '../fingerprint/schema.js';
import { startPair } from '../pair.js';
import type { Pair } from '../pair.js';
import { adopt, copyOf, differencesOf, driftOf, replicatedMigration } from './adopted.js';
import type { Replicated } from './adopted.js';
import { ALONE, GROUPS, REFUSED, sqlOf } from './cases.js';

const SAME = { source: [], target: [] };

describe('adoption of schema changes', { concurrency: 2 }, () => {
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

  const again = ({ job, lane }: Replicated, standing: boolean) =>
    adoptChanges(job, { lanes: [lane], standing });

  it('knows every kind of change', () => {
    const grouped = GROUPS.flatMap(({ cases }) => cases);
    assert.deepEqual(
      CASES.map(({ title }) => title).filter((title) => ![...grouped, ...REFUSED].includes(title)),
      [],
    );
  });

  it('finds nothing where nothing has changed', async () => {
    const copy = await copyOf(pair, original);
    assert.deepEqual(await again(copy, false), { adopted: [], left: [], tables: [] });
    assert.deepEqual(await differencesOf(copy), SAME);
  });

  for (const { title, sql, tables, waits } of [
    ...GROUPS.map((group) => ({ ...group, sql: sqlOf(group) })),
    ...ALONE,
  ]) {
    it(`brings over ${title}`, async () => {
      const copy = await copyOf(pair, original);
      for (const statement of sql) await copy.databases.run('source', statement);
      const { whileRunning, standing } = await adopt(copy);
      assert.deepEqual(await differencesOf(copy), SAME);
      assert.equal(standing !== undefined, waits, JSON.stringify(whileRunning.left));
      const { tables: loose } = standing ?? whileRunning;
      assert.deepEqual([...loose].sort(), [...tables].sort());
      assert.deepEqual(await driftOf(copy), []);
      assert.deepEqual(await again(copy, true), { adopted: [], left: [], tables: loose });
    });
  }

  it('leaves objects of others where they are, and names them', async () => {
    const copy = await copyOf(pair, original);
    await copy.databases.run('target', 'CREATE VIEW public.mine AS SELECT note FROM app.customer');
    await copy.databases.run('source', 'ALTER TABLE app.customer ALTER note TYPE varchar(3)');
    await assert.rejects(again(copy, true), { code: 'CONSENT_NEEDED', object: 'public.mine' });
    await copy.databases.run('target', 'DROP VIEW public.mine');
    assert.deepEqual((await again(copy, true)).tables, ['app.customer']);
  });

  it('brings columns and values ahead of what waits', async () => {
    const copy = await copyOf(pair, original);
    await copy.databases.run(
      'source',
      `ALTER TABLE app.customer ADD phone text, ALTER name DROP NOT NULL; ALTER TABLE app.child DROP b;
       ALTER TYPE app.mood ADD VALUE 'new'`,
    );
    const { adopted, left } = await again(copy, false);
    assert.deepEqual(
      adopted.map(({ kind }) => kind),
      ['column-changed', 'column-added', 'enum-value-added'],
    );
    assert.ok(left.some(({ kind }) => kind === 'column-dropped'));
    await copy.databases.run('target', `INSERT INTO app.customer (id, phone, mood) VALUES (1, 'x', 'new')`);
    assert.deepEqual((await adopt(copy)).standing?.tables, []);
    assert.deepEqual(await differencesOf(copy), SAME);
  });

  it('begins again where an attempt died before, within or behind the transaction of the target', async () => {
    const copy = await copyOf(pair, original);
    await copy.databases.run(
      'source',
      `ALTER TABLE app.customer ALTER note TYPE varchar(3); ALTER TABLE app."Order" RENAME TO orders;
       CREATE TYPE app.size AS ENUM ('s'); ALTER TYPE app.mood ADD VALUE 'new'`,
    );
    for (const [when, tag] of [
      ['after', 'leave-publication'],
      ['after', 'replace-relations'],
      ['before', 'read-loose-tables'],
    ] as const) {
      const observer = (at: string, seen: string) => {
        if (at === when && seen === tag) throw new Error('died');
        return Promise.resolve();
      };
      const servers = { ...copy.job.servers, observer };
      await assert.rejects(again({ ...copy, job: { ...copy.job, servers } }, true), /died/);
    }
    assert.deepEqual(await again(copy, true), { adopted: [], left: [], tables: ['app.customer'] });
    await adopt(copy);
    assert.deepEqual(await differencesOf(copy), SAME);
  });

  it('gives up behind a long reader, changes nothing, and is tried again', async () => {
    const copy = await copyOf(pair, original);
    await copy.databases.run(
      'source',
      `ALTER TABLE app.customer ADD phone text; CREATE VIEW app.v AS SELECT 1 AS one`,
    );
    const failing = { code: 'SQL_FAILED', retryable: true };
    const session = await openSession(copy.job.servers.target, { purpose: 'test: reader' });
    await session.query('BEGIN');
    await session.query('SELECT FROM app.customer LIMIT 1');
    await assert.rejects(again(copy, false), failing);
    await session.close();
    await adopt(copy);
    assert.deepEqual(await differencesOf(copy), SAME);
  });
});
