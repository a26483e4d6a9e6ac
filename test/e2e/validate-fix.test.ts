import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { connect } from '../../client/index.js';
import type { Pgtrek } from '../../client/index.js';
import { cliOf, unwrapped, writeSpec } from '../harness/cli.js';
import type { Cli } from '../harness/cli.js';
import { assertEqualDatabases } from '../harness/equal.js';
import { assertNothingLeft, leftOn } from '../harness/leaks.js';
import { untilBlocked, untilCompleted, untilState } from '../harness/migrations.js';
import { specFor } from '../harness/spec.js';
import { startSuccession } from '../harness/succession.js';
import { startWorker } from '../harness/worker.js';
import type { TestWorker } from '../harness/worker.js';
import { createDatabases, openWorld, query } from '../harness/world.js';
import type { Databases, World } from '../harness/world.js';

const QUEUE = 'validate-fix';

/** Two tables without a key, one with an index that would do; and a partitioned one. */
const BARE = `
  CREATE TABLE bare (id int); INSERT INTO bare VALUES (1), (2);
  CREATE TABLE coded (code text NOT NULL UNIQUE);
  CREATE TABLE parts (id int) PARTITION BY RANGE (id);
  CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10)`;

const IDENTITIES_SQL = `
  SELECT relname || ' ' || relreplident::text AS identity FROM pg_class
  WHERE relname IN ('bare', 'coded', 'parts', 'parts_1') ORDER BY 1`;

const AS_THEY_WERE = ['bare d', 'coded d', 'parts d', 'parts_1 d'];

describe('validate --fix and rehearsals', { concurrency: 2 }, () => {
  let world: World;
  let worker: TestWorker;
  let client: Pgtrek;
  let cli: Cli;

  before(async () => {
    world = await openWorld({ impatient: true });
    worker = await startWorker(world, { taskQueue: QUEUE });
    client = await connect({ address: world.temporal.address, taskQueue: QUEUE });
    cli = cliOf(world, QUEUE);
  });
  after(async () => {
    await client.close();
    await worker.stop();
    await world.close();
  });

  async function prepare(name: string): Promise<{ databases: Databases; file: string }> {
    const databases = await createDatabases(world, name);
    await query(databases.source, BARE);
    return { databases, file: await writeSpec(world, name, specFor(name, databases)) };
  }

  async function identities(databases: Databases, end: 'source' | 'target'): Promise<string[]> {
    return (await query<{ identity: string }>(databases[end], IDENTITIES_SQL)).map(
      ({ identity }) => identity,
    );
  }

  it('shows, asks, runs and validates again; the end takes it back on both ends, whoever dies over it', async () => {
    const { databases, file } = await prepare('fixed');
    const refused = await cli(['validate', '-f', file, '--fix']);
    assert.equal(refused.code, 64, refused.stdout + refused.stderr);
    assert.match(refused.stderr, /--yes/);
    assert.match(refused.stdout, /On the source:\n {2}ALTER TABLE public\.bare REPLICA IDENTITY FULL;\n/);
    assert.deepEqual(await leftOn(databases.source), []);

    const fixed = await cli(['validate', '-f', file, '--fix', '--yes']);
    assert.equal(fixed.code, 0, fixed.stdout + fixed.stderr);
    assert.match(fixed.stdout, /4 fixes done\.\n[^]*0 blocks/);
    assert.deepEqual(await identities(databases, 'source'), ['bare f', 'coded i', 'parts f', 'parts_1 f']);

    const listed = await cli(['orphans', '-f', file]);
    assert.match(unwrapped(listed.stdout), /source: fix fixed\/1 of validate --fix ALTER TABLE public\.bare/);

    const elsewhere = await connect({ address: world.temporal.address });
    const faults = ['after undo-fix', 'before undo-fix #5', 'before forget-fix'];
    const workers = await startSuccession(world, { taskQueue: 'fixed', faults });
    const migration = await elsewhere.start(specFor('fixed', databases, { taskQueue: 'fixed' }));
    await untilState(migration, ({ stage }) => stage === 'monitor');
    await query(databases.source, 'UPDATE bare SET id = 7 WHERE id = 1; DELETE FROM bare WHERE id = 2');
    assert.match((await cli(['orphans', '-f', file])).stdout, /Nothing was left/);
    const { drift } = await migration.state();
    assert.equal(drift, undefined);
    await migration.stop({ now: true });
    await untilCompleted(migration);
    assert.deepEqual(workers.left(), [], 'every fault was reached');
    await workers.stop();
    await elsewhere.close();
    await assertEqualDatabases(databases);
    await assertNothingLeft(databases);
    for (const end of ['source', 'target'] as const)
      assert.deepEqual(await identities(databases, end), AS_THEY_WERE, end);
  });

  it('is taken back by an abort in validate, and kept by a restart', async () => {
    const { databases, file } = await prepare('aborted');
    await query(databases.target, 'CREATE TABLE bare (id int); INSERT INTO bare VALUES (1)');
    const fixed = await cli(['validate', '-f', file, '--fix', '--yes', '--json']);
    assert.equal(fixed.code, 2, 'the target is not empty');
    const { fixes } = JSON.parse(fixed.stdout) as { fixes: unknown[] };
    assert.equal(fixes.length, 4);
    const migration = await client.start(specFor('aborted', databases));
    await untilBlocked(migration);
    await query(databases.target, 'DROP TABLE bare');
    await migration.retry();
    await untilState(migration, ({ stage }) => stage === 'monitor');
    await query(databases.source, 'ALTER TABLE bare ADD COLUMN later int');
    await untilState(migration, ({ drift }) => drift !== undefined);
    await migration.restartOnSchemaChange({ dropTarget: true, full: true });
    await untilState(
      migration,
      ({ stage, events }) => stage === 'monitor' && events.some(({ kind }) => kind === 'restarted'),
    );
    assert.equal((await identities(databases, 'source'))[0], 'bare f');
    await migration.abort({ dropTarget: true });
    await untilState(migration, ({ status }) => status === 'aborted');
    assert.deepEqual(await identities(databases, 'source'), AS_THEY_WERE);
    await assertNothingLeft(databases);

    await cli(['validate', '-f', file, '--fix', '--yes']);
    await query(databases.target, 'CREATE TABLE bare (id int); INSERT INTO bare VALUES (1)');
    const second = await client.start(specFor('aborted', databases));
    await untilBlocked(second);
    await second.abort();
    await untilState(second, ({ status }) => status === 'aborted');
    assert.deepEqual(await identities(databases, 'source'), AS_THEY_WERE);
    await assertNothingLeft(databases);
  });

  it('a rehearsal whose workers are killed is made again, and leaves no database', async () => {
    const name = 'rehearsed';
    const databases = await createDatabases(world, name);
    const faults = ['after create-scratch', 'after start pg_restore rehearsal', 'before rehearse-object #3'];
    const elsewhere = await connect({ address: world.temporal.address });
    const workers = await startSuccession(world, { taskQueue: name, faults });
    try {
      const spec = specFor(name, databases, {
        taskQueue: name,
        mode: 'full-load',
        validate: { rehearse: true },
      });
      const migration = await elsewhere.start(spec);
      const { findings } = await untilCompleted(migration, 180);
      assert.deepEqual(workers.left(), [], 'every fault was reached');
      const told = findings.find(({ id }) => id === 'target.rehearsal');
      assert.equal(told?.verdict, 'ok', JSON.stringify(told));
      await assertNothingLeft(databases);
      assert.deepEqual(await scratches(), []);
    } finally {
      await workers.stop();
      await elsewhere.close();
    }
  });

  it('what only a rehearsal finds blocks; the command finds it too', async () => {
    const name = 'caught';
    const databases = await createDatabases(world, name);
    await query(
      databases.source,
      `CREATE FUNCTION plain(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT lower($1)';
       CREATE FUNCTION norm(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT plain($1)';
       CREATE TABLE words (id int PRIMARY KEY, w text); CREATE INDEX words_norm ON words (norm(w))`,
    );
    const file = await writeSpec(world, name, specFor(name, databases));
    assert.equal((await cli(['validate', '-f', file])).code, 0);
    const found = await cli(['validate', '-f', file, '--rehearse']);
    assert.equal(found.code, 2, found.stdout + found.stderr);
    assert.match(unwrapped(found.stdout), /target\.rehearsal .*index public\.words_norm/);

    const migration = await client.start(specFor(name, databases, { validate: { rehearse: true } }));
    const { blocked } = await untilBlocked(migration);
    assert.equal(blocked?.code, 'VALIDATION_FAILED');
    assert.match(blocked.message, /words_norm/);
    await migration.abort();
    await untilState(migration, ({ status }) => status === 'aborted');
    await assertNothingLeft(databases);
  });

  async function scratches(): Promise<unknown[]> {
    return query(
      world.target.connection('postgres'),
      `SELECT datname FROM pg_database WHERE datname LIKE 'pgtrek_rehearsal_rehearsed%'`,
    );
  }
});
