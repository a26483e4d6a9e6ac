import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { embeddedMajors } from '../../../dev/cluster.js';
import { buildForeignKeys } from '../../../postgres/load/build-foreign-keys.js';
import { buildIndexes } from '../../../postgres/load/build-indexes.js';
import { dropIndexes } from '../../../postgres/load/drop-indexes.js';
import { withTarget } from '../../../postgres/job.js';
import { planIndexes } from '../../../postgres/load/plan-indexes.js';
import { startPair } from '../pair.js';
import type { Pair } from '../pair.js';
import { definitionsOf, loadedMigration } from './loaded.js';

const newest = embeddedMajors().at(-1) ?? 0;

const TABLES = `
  CREATE EXTENSION btree_gist;
  CREATE TABLE room (id int NOT NULL, open daterange NOT NULL, "WITHOUT OVERLAPS" int);
  CREATE TABLE booking (id int NOT NULL, room int, at daterange, extra int);
  INSERT INTO room VALUES (1, '[2026-01-01, 2026-07-01)', 1), (1, '[2026-07-01, 2027-01-01)', 2);
  INSERT INTO booking VALUES (1, 1, '[2026-06-01, 2026-08-01)', 1)`;

const KEYS = `
  ALTER TABLE room ADD CONSTRAINT room_pkey PRIMARY KEY (id, open WITHOUT OVERLAPS);
  ALTER TABLE room ADD CONSTRAINT misleading UNIQUE ("WITHOUT OVERLAPS");
  ALTER TABLE room ADD CONSTRAINT nulls UNIQUE NULLS NOT DISTINCT (open, "WITHOUT OVERLAPS");
  ALTER TABLE booking ADD CONSTRAINT of_room FOREIGN KEY (room, PERIOD at) REFERENCES room (id, PERIOD open);
  ALTER TABLE booking ADD CONSTRAINT asserted FOREIGN KEY (extra) REFERENCES room ("WITHOUT OVERLAPS") NOT ENFORCED`;

describe('keys over time', { skip: newest < 18 && 'they need PostgreSQL 18' }, () => {
  let pair: Pair;
  before(async () => {
    pair = await startPair({ source: { major: newest }, target: { major: newest } });
  });
  after(() => pair.remove());

  it('are built as they are on the source, and once more after they were dropped', async () => {
    const loaded = await loadedMigration(pair, { tables: TABLES, keys: KEYS });
    const build = async () => {
      const { tasks, indexes } = await planIndexes(loaded.job);
      let built = 0;
      for (const task of tasks) built += (await buildIndexes(loaded.job, task, 0)).indexes;
      assert.equal(built, indexes);
      assert.deepEqual(await buildForeignKeys(loaded.job, false), {
        constraints: 2,
        deferred: 0,
        violations: [],
      });
      assert.deepEqual(await definitionsOf(loaded, 'target'), await definitionsOf(loaded, 'source'));
    };
    await build();
    await withTarget(loaded.job, 'test', (target) =>
      dropIndexes(target, loaded.job.owner, [loaded.idOf('public.room')]),
    );
    assert.deepEqual(await definitionsOf(loaded, 'target'), []);
    await build();
  });

  // VALIDATE would let it pass.
  it('that the data breaks are told in the words of the server, and not made', async () => {
    const loaded = await loadedMigration(pair, { tables: TABLES, keys: KEYS });
    await loaded.databases.run('target', `UPDATE booking SET at = '[2026-12-01, 2027-02-01)'`);
    for (const task of (await planIndexes(loaded.job)).tasks) await buildIndexes(loaded.job, task, 0);
    const { violations } = await buildForeignKeys(loaded.job, false);
    assert.equal(violations.length, 1);
    assert.match(
      violations[0] ?? '',
      /^Foreign key of_room of public\.booking: insert or update on table "booking" violates .*\(1, \[2026-12-01,2027-02-01\)\) is not present in table "room"\. It was not made, as .* PERIOD\. .* ADD CONSTRAINT of_room FOREIGN KEY .*;$/,
    );
  });
});
