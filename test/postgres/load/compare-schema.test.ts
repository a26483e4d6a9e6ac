import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { PgtrekError } from '../../../contract/errors.js';
import type { SeenDrift } from '../../../contract/state.js';
import { withSource, withTarget } from '../../../postgres/job.js';
import { clearLedger } from '../../../postgres/ledger/create-ledger.js';
import { compareSchema } from '../../../postgres/load/compare-schema.js';
import { dumpedMigration } from '../fingerprint/dumped.js';
import type { Dumped } from '../fingerprint/dumped.js';
import { startPair } from '../pair.js';
import type { Pair } from '../pair.js';

describe('the schema in the snapshot of a load', () => {
  let pair: Pair;
  let dumped: Dumped;

  before(async () => {
    pair = await startPair({ source: { major: 15 }, target: { major: 18 } });
    dumped = await dumpedMigration(pair);
  });
  after(() => pair.remove());

  /** Compares in the transaction that made the changes, which are gone with it. */
  const compareAfter = (sql: string): Promise<SeenDrift | undefined> =>
    withSource(dumped.job, 'test', async (keeper) => {
      await keeper.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
      await keeper.client.query(sql);
      return compareSchema(dumped.job, keeper);
    });

  async function refusalOf(sql: string): Promise<PgtrekError> {
    const error: unknown = await compareAfter(sql).then(
      () => assert.fail(`${sql} is let pass`),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof PgtrekError);
    assert.equal(error.code, 'SCHEMA_CHANGED');
    assert.equal(error.retryable, false);
    assert.match(error.remedy ?? '', /^pgtrek restart drift --drop-target, /);
    return error;
  }

  it('is let pass when nothing has changed', async () => {
    assert.equal(await compareAfter('SELECT 1'), undefined);
  });

  it('blocks with what has changed in words, tables and columns first', async () => {
    const { message } = await refusalOf(
      'CREATE INDEX ON app.customer (note); CREATE TABLE app.t2 (); ALTER TABLE app.customer ALTER note TYPE varchar(10)',
    );
    assert.equal(
      message,
      `The schema of the source has changed since it was dumped: table app.t2 was added; ` +
        `column app.customer.note: text DEFAULT 'x'::text → character varying(10) DEFAULT 'x'::text.`,
    );
  });

  it('names ten changes and counts the rest', async () => {
    const tables = Array.from({ length: 25 }, (_, n) => `CREATE TABLE app.new_${String(n)} ()`);
    const { message } = await refusalOf(tables.join('; '));
    assert.equal(message.match(/was added/g)?.length, 10);
    assert.match(message, /; and 15 more\.$/);
  });

  for (const sql of [
    'DROP TABLE app.child',
    'ALTER TABLE app.child RENAME TO other',
    'ALTER SCHEMA app RENAME TO other',
    'ALTER TABLE app.child SET UNLOGGED',
    'ALTER TABLE app.event DETACH PARTITION app.event_2025',
    'ALTER TABLE app.customer ALTER name DROP NOT NULL',
    `ALTER TYPE app.mood ADD VALUE 'happy'`,
    'ALTER DOMAIN app.email DROP CONSTRAINT has_at',
    'ALTER TABLE app."Order" DROP CONSTRAINT positive',
    'DROP INDEX app.customer_name',
  ]) {
    it(`blocks after ${sql}`, async () => {
      await refusalOf(sql);
    });
  }

  for (const sql of [
    'CREATE INDEX ON app.customer (note)',
    'DROP INDEX app.order_at',
    'CREATE VIEW app.v AS SELECT 1 AS one',
    `CREATE FUNCTION app.f() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
    'GRANT SELECT ON app."Order" TO PUBLIC',
    'ALTER TABLE app.customer ADD CHECK (id > 0)',
    'ALTER TABLE app.customer SET (fillfactor = 70)',
    'CREATE TYPE app.size AS ENUM ()',
  ]) {
    it(`goes on after ${sql}, and tells it`, async () => {
      const drift = await compareAfter(sql);
      assert.equal(drift?.total, 1);
      assert.equal(drift.changes.length, 1);
      assert.match(drift.digest, /^[0-9a-f]{32}$/);
    });
  }

  it('is compared table by table where the dump took no fingerprint', async () => {
    await withTarget(dumped.job, 'test', (target) => clearLedger(target, dumped.job.owner));
    const { message } = await refusalOf('CREATE TABLE app.t2 ()');
    assert.match(message, /app\.t2/);
  });
});
