import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { explainFailure } from '../../../postgres/apply-errors/explain.js';
import { startPair } from '../pair.js';
import type { Pair } from '../pair.js';
import { LANE, openLane } from './lane.js';
import type { Lane } from './lane.js';

/** So that a worker that failed is soon begun again. */
const QUICK = { wal_retrieve_retry_interval: '200ms' };

const TABLES = `
  CREATE TABLE item (id int PRIMARY KEY, kind text UNIQUE, amount int);
  CREATE SCHEMA "Odd ""S";
  CREATE TABLE "Odd ""S"."a.b" ("the Id" int, "Part" text, v text, PRIMARY KEY ("the Id", "Part"));
  CREATE TABLE part (id int, at date, v text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
  CREATE TABLE part_a PARTITION OF part FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
  CREATE TABLE part_b PARTITION OF part FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
  CREATE TABLE wide (id int PRIMARY KEY, big text, small int);
  ALTER TABLE wide ALTER big SET STORAGE EXTERNAL;
  CREATE TABLE nokey (a int, b jsonb);
  ALTER TABLE nokey REPLICA IDENTITY FULL;
  CREATE TABLE unlike (a int, b json);
  ALTER TABLE unlike REPLICA IDENTITY FULL;
  CREATE TABLE parent (id int PRIMARY KEY);
  CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent);`;

describe('a change that the target cannot apply', () => {
  let pair: Pair;
  let lane: Lane;
  before(async () => {
    pair = await startPair({
      source: { major: 15 },
      target: { major: 18, settings: QUICK },
    });
    lane = await openLane(pair, { tables: TABLES });
  });
  after(() => pair.remove());

  const mend = async (sql: string) => {
    await lane.run('target', sql);
    await lane.goOn();
    await lane.catchUp();
  };

  it('is told with table, key, transaction and the words of the server', async () => {
    await lane.run('target', `INSERT INTO item VALUES (7, 'local', 0)`);
    const failure = await lane.failure(`INSERT INTO item VALUES (7, 'seven', 1)`);
    const { lsn, xid, committedAt, ...error } = failure.applyError ?? assert.fail(failure.message);
    assert.deepEqual(error, {
      lane: 'pgtrek_build_1',
      operation: 'insert',
      table: 'public.item',
      key: 'id = 7',
      message: 'duplicate key value violates unique constraint "item_pkey": Key (id)=(7) already exists.',
      changes: 1,
    });
    assert.match(lsn, /^[0-9A-F]+\/[0-9A-F]+$/);
    assert.match(xid, /^\d+$/);
    assert.ok(Math.abs(Date.parse(committedAt) - Date.now()) < 60_000);
    assert.match(
      failure.message,
      /^Lane pgtrek_build_1 cannot apply an insert into public\.item \(id = 7\): duplicate key .*\. Nothing after it is applied\.$/,
    );
    assert.match(
      failure.remedy ?? '',
      new RegExp(`the whole transaction of 1 change: pgtrek retry build --skip ${lsn}$`),
    );
    await mend('DELETE FROM item');
    assert.deepEqual(await lane.run('target', 'SELECT * FROM item'), [{ id: 7, kind: 'seven', amount: 1 }]);
  });

  it('is found in the middle of a transaction, and leaves nothing behind', async () => {
    await lane.run('target', 'ALTER TABLE item ADD CONSTRAINT small CHECK (amount < 100)');
    const error = await lane.error(
      `BEGIN; INSERT INTO item VALUES (8, 'eight', 1); UPDATE item SET amount = 2 WHERE id = 8;
         UPDATE item SET amount = 500 WHERE id = 7; DELETE FROM item WHERE id = 8; COMMIT`,
    );
    assert.equal(error.operation, 'update');
    assert.equal(error.key, 'id = 7');
    assert.equal(error.changes, 4);
    assert.equal(error.message, 'new row for relation "item" violates check constraint "small"');
    assert.deepEqual(await lane.run('target', 'SELECT id, amount FROM item'), [{ id: 7, amount: 1 }]);
    await mend('ALTER TABLE item DROP CONSTRAINT small');
  });

  it('is a column or a table that is missing, as the server words it', async () => {
    await lane.run('target', 'ALTER TABLE item DROP COLUMN amount');
    const column = await lane.error(`UPDATE item SET amount = 3 WHERE id = 7`);
    assert.equal(
      column.message,
      'logical replication target relation "public.item" is missing replicated column: "amount"',
    );
    assert.equal(column.key, 'id = 7');
    assert.ok((await pair.target.logTail(200)).includes(column.message));
    await mend('ALTER TABLE item ADD COLUMN amount int');
    await lane.run('target', 'ALTER TABLE child RENAME TO moved');
    const table = await lane.error('INSERT INTO child VALUES (1)');
    assert.equal(table.message, 'logical replication target relation "public.child" does not exist');
    assert.equal(table.table, 'public.child');
    assert.equal(table.key, 'id = 1');
    assert.ok((await pair.target.logTail(200)).includes(table.message));
    await mend('ALTER TABLE moved RENAME TO child');
  });

  it('has quoted names, several key columns, and a value that is cut', async () => {
    const long = 'x'.repeat(300);
    await lane.run('target', `INSERT INTO "Odd ""S"."a.b" VALUES (1, '${long}')`);
    const error = await lane.error(`INSERT INTO "Odd ""S"."a.b" VALUES (1, '${long}', 'secret')`);
    assert.equal(error.table, '"Odd ""S"."a.b"');
    assert.equal(error.key, `the Id = 1, Part = ${'x'.repeat(59)}…`);
    assert.ok(error.message.length <= 500);
    assert.ok(!JSON.stringify(error).includes('secret'));
    await mend('DELETE FROM "Odd ""S"."a.b"');
  });

  it('is of a partitioned table, by its root', async () => {
    await lane.run('source', `INSERT INTO part VALUES (1, '2026-01-05', 'a')`);
    await lane.catchUp();
    await lane.run('target', `INSERT INTO part VALUES (1, '2026-02-05', 'local')`);
    const error = await lane.error(`UPDATE part SET at = '2026-02-05'`);
    assert.equal(error.table, 'public.part');
    // The source sends a row that moves as a delete and an insert.
    assert.equal(error.operation, 'insert');
    assert.equal(error.changes, 2);
    assert.equal(error.key, 'id = 1, at = 2026-02-05');
    assert.match(error.message, /violates unique constraint "part_b_pkey"/);
    await mend(`DELETE FROM part WHERE v = 'local'`);
    assert.deepEqual(await lane.run('target', 'SELECT at::text, v FROM part'), [
      { at: '2026-02-05', v: 'a' },
    ]);
  });

  it('is found behind updates whose large values are not sent, of rows without a key, and of rows that are gone', async () => {
    await lane.run(
      'source',
      `INSERT INTO wide VALUES (1, repeat('y', 50000), 1); INSERT INTO nokey VALUES (1, '{}'), (2, NULL)`,
    );
    await lane.catchUp();
    await lane.run(
      'target',
      'CREATE UNIQUE INDEX once ON wide (small); INSERT INTO wide VALUES (2, NULL, 9)',
    );
    const error = await lane.error(
      `BEGIN; UPDATE nokey SET a = 5 WHERE b IS NULL; DELETE FROM nokey WHERE a = 1;
         UPDATE wide SET small = 8; UPDATE wide SET small = 9; COMMIT`,
    );
    assert.equal(error.table, 'public.wide');
    assert.equal(error.changes, 4);
    assert.match(error.message, /"once": Key \(small\)=\(9\) already exists/);
    await mend('DELETE FROM wide WHERE id = 2');
    assert.deepEqual(await lane.run('target', 'SELECT small, length(big) AS length FROM wide'), [
      { small: 9, length: 50_000 },
    ]);
    assert.deepEqual(await lane.run('target', 'SELECT * FROM nokey'), [{ a: 5, b: null }]);
  });

  it('is a row without a key whose values cannot be compared', async () => {
    await lane.run('source', `INSERT INTO unlike VALUES (1, '{}')`);
    await lane.catchUp();
    const error = await lane.error('UPDATE unlike SET a = 2');
    assert.equal(error.key, undefined);
    assert.match(error.message, /^could not identify an equality operator for type json$/);
    await mend('ALTER TABLE unlike ADD PRIMARY KEY (a)');
  });

  it('is not a foreign key, which is not checked, but a truncate that one forbids', async () => {
    await lane.run('source', `INSERT INTO parent VALUES (1); INSERT INTO child VALUES (2, 1)`);
    await lane.catchUp();
    await lane.run('target', 'CREATE TABLE other (parent int REFERENCES parent)');
    const error = await lane.error(
      `BEGIN; DELETE FROM child; DELETE FROM parent; INSERT INTO parent VALUES (3); TRUNCATE parent, child; COMMIT`,
    );
    assert.equal(error.operation, 'truncate');
    assert.equal(error.table, 'public.parent');
    assert.equal(error.key, undefined);
    assert.match(error.message, /^cannot truncate a table referenced in a foreign key constraint/);
    await mend('DROP TABLE other');
  });

  it('is not told of a lane whose changes can be applied again, nor of one that has applied all', async () => {
    await lane.run('target', `INSERT INTO item VALUES (50, 'fifty', 0)`);
    await lane.error(`INSERT INTO item VALUES (50, 'now', 0)`);
    await lane.run('target', 'DELETE FROM item WHERE id = 50');
    const again = await explainFailure(lane.job, LANE);
    assert.equal(again.applyError, undefined);
    assert.match(
      again.message,
      /its next transaction \(xid \d+, 1 change, up to [0-9A-F/]+\) can be applied now/,
    );
    await lane.goOn();
    await lane.catchUp();
    const idle = await explainFailure(lane.job, LANE);
    assert.match(idle.message, /nothing is left that it has not applied/);
    await lane.goOn();
    await lane.catchUp();
  });
});
