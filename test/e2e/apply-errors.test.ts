import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { connect } from '../../client/index.js';
import type { ApplyError, Migration, Pgtrek } from '../../client/index.js';
import { compareDatabases } from '../../dev/oracle.js';
import { waitUntil } from '../../dev/wait-until.js';
import { assertEqualDatabases } from '../harness/equal.js';
import { assertNothingLeft } from '../harness/leaks.js';
import { untilBlocked, untilCompleted, untilState } from '../harness/migrations.js';
import { createPlainDatabases, createPlainRoles, MOVER } from '../harness/plain-roles.js';
import { specFor } from '../harness/spec.js';
import { startWorker } from '../harness/worker.js';
import type { TestWorker } from '../harness/worker.js';
import { createDatabases, openWorld, query } from '../harness/world.js';
import type { Databases, World } from '../harness/world.js';

const QUEUE = 'apply-errors';

describe('a change that the target cannot apply', { concurrency: 2 }, () => {
  let world: World;
  let worker: TestWorker;
  let client: Pgtrek;

  before(async () => {
    world = await openWorld({ targetSettings: { wal_retrieve_retry_interval: '500ms' } });
    worker = await startWorker(world, { taskQueue: QUEUE, env: { MOVER_PASSWORD: MOVER.password } });
    client = await connect({ address: world.temporal.address, taskQueue: QUEUE });
  });
  after(async () => {
    await client.close();
    await worker.stop();
    await world.close();
  });

  const untilFollowing = (migration: Migration) =>
    untilState(migration, ({ stage, status }) => stage === 'monitor' && status === 'running');

  it('blocks with all that is known of it; goes on once it is mended, or without its transaction', async () => {
    const databases = await createDatabases(world, 'cannot-apply');
    const migration = await client.start(
      specFor('cannot-apply', databases, { cdc: { stop: { never: true } } }),
    );
    await untilFollowing(migration);
    await query(
      databases.target,
      `INSERT INTO country (country_id, name) VALUES (901, 'here'), (902, 'here')`,
    );
    await query(databases.source, `INSERT INTO country (country_id, name) VALUES (901, 'there')`);
    const error = await failing(migration);
    assert.equal(error.table, 'public.country');
    assert.equal(error.key, 'country_id = 901');
    assert.equal(error.changes, 1);

    await assert.rejects(
      migration.retry({ skip: '0/1' }),
      new RegExp(`the transaction that cannot be applied is ${error.lsn}, not 0/1`),
    );
    await query(databases.target, 'DELETE FROM country WHERE country_id = 901');
    await migration.retry({ by: 'a test' });
    await untilArrived(databases, 901);

    await query(
      databases.source,
      `BEGIN; UPDATE country SET name = 'gone' WHERE country_id = 1;
      INSERT INTO country (country_id, name) VALUES (902, 'there'); COMMIT`,
    );
    await query(databases.source, `INSERT INTO country (country_id, name) VALUES (903, 'there')`);
    const second = await failing(migration);
    assert.equal(second.changes, 2);
    assert.equal(second.key, 'country_id = 902');
    // Asked for while it is stuck: the stop comes once the lane goes on.
    await migration.stop({ now: true });
    await migration.retry({ skip: second.lsn, by: 'a test' });
    const { events } = await untilCompleted(migration);
    const skipped = events.filter(({ kind }) => kind === 'skipped').map(({ text }) => text);
    assert.equal(skipped.length, 1);
    assert.match(
      skipped[0] ?? '',
      /^a test left out a transaction of pgtrek_cannot_apply_1: 2 changes, xid \d+, up to \S+; it failed at an insert into public\.country \(country_id = 902\)$/,
    );
    const differs = await query<{ n: number; country: string }>(
      databases.target,
      'SELECT country_id AS n, name AS country FROM country WHERE country_id IN (1, 901, 902, 903) ORDER BY 1',
    );
    assert.deepEqual(
      differs.map(({ n, country }) => [n, country === 'there' || country === 'here' ? country : 'old']),
      [
        [1, 'old'],
        [901, 'there'],
        [902, 'here'],
        [903, 'there'],
      ],
    );
    await query(databases.source, `UPDATE country SET name = 'equal' WHERE country_id IN (1, 902)`);
    await query(databases.target, `UPDATE country SET name = 'equal' WHERE country_id IN (1, 902)`);
    const { problems } = await compareDatabases(databases.source, databases.target, { sequences: false });
    assert.deepEqual(problems, []);
    await assertNothingLeft(databases);
  });

  it('is found by a role that may not read origins, and told by a stop too', async () => {
    await createPlainRoles(world);
    const databases = await createPlainDatabases(world, 'plain');
    const plain = specFor('plain', databases, { cdc: { stop: { never: true } } });
    plain.source.password = { env: 'MOVER_PASSWORD' };
    plain.target.password = { env: 'MOVER_PASSWORD' };
    const migration = await client.start(plain);
    await untilFollowing(migration);
    await query(databases.target, `INSERT INTO country (country_id, name) VALUES (901, 'here')`);
    await query(databases.source, `INSERT INTO country (country_id, name) VALUES (901, 'there')`);
    await migration.stop({ now: true });
    const error = await failing(migration);
    assert.equal(error.key, 'country_id = 901');
    await query(databases.target, 'DELETE FROM country WHERE country_id = 901');
    await migration.retry();
    await untilCompleted(migration);
    await assertEqualDatabases(databases);
  });
});

async function failing(migration: Migration): Promise<ApplyError> {
  const { blocked } = await untilBlocked(migration);
  assert.equal(blocked?.code, 'APPLY_ERROR');
  assert.ok(blocked.applyError, blocked.message);
  assert.match(
    blocked.message,
    /cannot apply an insert into public\.country \(country_id = 90\d\): duplicate key/,
  );
  assert.match(blocked.remedy ?? '', new RegExp(`--skip ${blocked.applyError.lsn}$`));
  return blocked.applyError;
}

async function untilArrived({ target }: Databases, id: number): Promise<void> {
  const sql = `SELECT FROM country WHERE country_id = ${String(id)} AND name = 'there'`;
  const look = async () => (await query(target, sql)).length > 0;
  assert.ok(await waitUntil(look, { deadlineMs: 20_000 }), 'the change arrives');
}
