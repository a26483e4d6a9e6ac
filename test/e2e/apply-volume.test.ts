import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { connect } from '../../client/index.js';
import type { Pgtrek } from '../../client/index.js';
import { waitUntil } from '../../dev/wait-until.js';
import { assertEqualDatabases } from '../harness/equal.js';
import { assertNothingLeft } from '../harness/leaks.js';
import { untilCompleted, untilState } from '../harness/migrations.js';
import { specFor } from '../harness/spec.js';
import { startWorker } from '../harness/worker.js';
import type { TestWorker } from '../harness/worker.js';
import { createDatabases, openWorld, query } from '../harness/world.js';
import type { Databases, World } from '../harness/world.js';

const QUEUE = 'apply-volume';

/** The whole million takes minutes: `npm run test:full`. */
const TRANSACTIONS = process.env.PGTREK_FULL ? 1_000_000 : 100_000;

/** No foreign key joins them, so each may be in another lane. */
const TABLES_SQL = `
  CREATE TABLE tiny (id int PRIMARY KEY);
  CREATE TABLE wide (id int PRIMARY KEY, a text, b text, c text, d text, at timestamptz DEFAULT now());
  CREATE TABLE field (id int PRIMARY KEY, value text, raw bytea, note text);
  ALTER TABLE field ALTER COLUMN value SET STORAGE EXTERNAL, ALTER COLUMN raw SET STORAGE EXTERNAL;
  CREATE TABLE idle (id int PRIMARY KEY);
  INSERT INTO idle VALUES (1);
  INSERT INTO field VALUES (1, repeat(md5('1'), 1638400), NULL, 'copied');
  CREATE PROCEDURE write_tiny(first int, last int) LANGUAGE plpgsql AS $$
    BEGIN
      FOR id IN first..last LOOP
        INSERT INTO tiny VALUES (id);
        COMMIT;
      END LOOP;
    END $$`;

/** One transaction of 200 MB. */
const WIDE_SQL = `
  INSERT INTO wide (id, a, b, c, d)
  SELECT n, repeat(md5(n::text), 15), repeat(md5(n::text), 15), repeat(md5(n::text), 15), repeat(md5(n::text), 15)
  FROM generate_series(1, 105000) n`;

/** Values of 50 MB: new, changed, and left as they are. */
const FIELD_SQL = `
  INSERT INTO field VALUES (2, NULL, decode(repeat(md5('2'), 1638400), 'hex'), 'new');
  UPDATE field SET value = repeat(md5('3'), 1638400) WHERE id = 1;
  UPDATE field SET note = 'the same value'`;

describe('much that is written while it is replicated', () => {
  let world: World;
  let worker: TestWorker;
  let client: Pgtrek;

  before(async () => {
    world = await openWorld();
    worker = await startWorker(world, { taskQueue: QUEUE });
    client = await connect({ address: world.temporal.address, taskQueue: QUEUE });
  });
  after(async () => {
    await client.close();
    await worker.stop();
    await world.close();
  });

  it(`comes out equal: ${String(TRANSACTIONS)} tiny transactions with a stop among them, one of 200 MB, fields of 50 MB, and a table that is idle`, async (t) => {
    const databases = await createDatabases(world, 'volume', 'template1');
    await query(databases.source, TABLES_SQL);
    const migration = await client.start(
      specFor('volume', databases, { taskQueue: QUEUE, cdc: { stop: { never: true }, lanes: 2 } }),
    );
    await untilState(migration, ({ stage }) => stage === 'monitor');
    const start = Date.now();
    const tell = (what: string) => {
      t.diagnostic(`${what}: ${((Date.now() - start) / 1000).toFixed(1)} s, worker ${memoryOf(worker)} MB`);
    };

    const writing = writeTiny(databases);
    const isUnderWay = async () => (await readTiny(databases)).rows > TRANSACTIONS / 100;
    assert.ok(await waitUntil(isUnderWay, { deadlineMs: 30_000 }), 'tiny transactions arrive');
    await migration.stop({ now: true, then: 'wait' });
    await untilState(migration, ({ status }) => status === 'stopped', 300);
    const stopped = await readTiny(databases);
    assert.equal(stopped.rows, stopped.last, 'one after the other was committed, and none is missing');
    await writing;
    tell('tiny transactions are written');
    assert.ok(stopped.rows < TRANSACTIONS);
    assert.deepEqual(await readTiny(databases), stopped, 'nothing comes after the marker');
    await migration.resume();

    await query(databases.source, WIDE_SQL);
    await query(databases.source, FIELD_SQL);
    tell('everything is written');
    await untilConfirmed(databases);
    tell('everything is applied, and the slot of the idle table has moved on too');
    await migration.stop({ now: true, then: 'finish' });
    await untilCompleted(migration, 300);
    await assertEqualDatabases(databases);
    await assertNothingLeft(databases);
  });
});

async function writeTiny({ source }: Databases): Promise<void> {
  await query(source, `CALL write_tiny(1, ${String(TRANSACTIONS)})`);
}

async function readTiny({ target }: Databases): Promise<{ rows: number; last: number }> {
  const [row] = await query<{ rows: number; last: number }>(
    target,
    'SELECT count(*)::int AS rows, coalesce(max(id), 0) AS last FROM tiny',
  );
  return row ?? { rows: 0, last: 0 };
}

/** Every slot of ours holds back nothing of what was written until now. */
async function untilConfirmed({ source }: Databases): Promise<void> {
  const [end] = await query<{ lsn: string }>(source, 'SELECT pg_current_wal_lsn()::text AS lsn');
  const areConfirmed = async () => {
    const behind = await query(
      source,
      `SELECT FROM pg_replication_slots WHERE slot_name LIKE 'pgtrek%' AND confirmed_flush_lsn < $1::pg_lsn`,
      [end?.lsn],
    );
    return behind.length === 0;
  };
  assert.ok(await waitUntil(areConfirmed, { deadlineMs: 600_000 }), 'the slots have moved on');
}

/** The most that the process has had, in MB. */
function memoryOf({ pid }: TestWorker): string {
  const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'))?.[1];
  return (Number(peak) / 1024).toFixed(0);
}
