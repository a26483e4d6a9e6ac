import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Client, Connection } from '@temporalio/client';
import { connect } from '../../client/index.js';
import type { Migration, MigrationState, Pgtrek } from '../../client/index.js';
import { cliOf, unwrapped, writeSpec } from '../harness/cli.js';
import type { Cli } from '../harness/cli.js';
import { assertEqualDatabases } from '../harness/equal.js';
import { assertNothingLeft, leftOn } from '../harness/leaks.js';
import { untilBlocked, untilCompleted, untilState } from '../harness/migrations.js';
import { specFor } from '../harness/spec.js';
import { startWorker } from '../harness/worker.js';
import type { TestWorker } from '../harness/worker.js';
import { createDatabases, openWorld, query } from '../harness/world.js';
import type { Databases, World } from '../harness/world.js';

const QUEUE = 'orphans';

interface Listed {
  end: 'source' | 'target';
  kind: string;
  name: string;
  owner?: string;
  remove: string;
  removed?: boolean;
}

describe('what a terminated migration leaves', { concurrency: 2 }, () => {
  let world: World;
  let worker: TestWorker;
  let client: Pgtrek;
  let connection: Connection;
  let temporal: Client;
  let cli: Cli;

  before(async () => {
    world = await openWorld();
    worker = await startWorker(world, { taskQueue: QUEUE });
    client = await connect({ address: world.temporal.address, taskQueue: QUEUE });
    connection = await Connection.connect({ address: world.temporal.address });
    temporal = new Client({ connection });
    cli = cliOf(world, QUEUE);
  });
  after(async () => {
    await client.close();
    await connection.close();
    await worker.stop();
    await world.close();
  });

  it('in monitor: is listed with its SQL, and removed; a running migration’s objects never', async () => {
    const { databases, file, state } = await terminateIn('gone', ({ stage }) => stage === 'monitor');
    // Another migration of the same source, which runs on: its objects stand beside the orphans.
    const elsewhere = {
      source: databases.source,
      target: (await createDatabases(world, 'elsewhere')).target,
    };
    const running = await client.start(specFor('running', elsewhere));
    await untilState(running, ({ stage }) => stage === 'monitor');

    const listed = JSON.parse((await cli(['orphans', '-f', file, '--json'])).stdout) as Listed[];
    const lane = 'pgtrek_gone_1';
    assert.deepEqual(
      listed.map(({ end, kind, name }) => `${end} ${kind} ${name}`),
      [
        `target subscription ${lane}`,
        'source event-trigger pgtrek_gone_ddl',
        `source slot ${lane}`,
        `source publication ${lane}`,
        `target journal ${lane}`,
        `source journal ${lane}`,
        'target ledger gone',
      ],
    );
    for (const { owner, remove, name } of listed) {
      assert.equal(owner, state.owner);
      assert.ok(remove.includes(name) || remove.includes(state.owner), remove);
    }

    const told = await cli(['orphans', '-f', file]);
    assert.match(
      unwrapped(told.stdout),
      /source: slot pgtrek_gone_1 .* SELECT pg_drop_replication_slot\('pgtrek_gone_1'\);/,
    );
    assert.match(told.stdout, /7 objects left\. Remove with: pgtrek orphans -f <spec> --remove/);

    const removed = await cli(['orphans', '-f', file, '--remove']);
    assert.equal(removed.code, 0, removed.stdout + removed.stderr);
    assert.match(removed.stdout, /All of it was removed\./);
    const again = await cli(['orphans', '-f', file]);
    assert.match(again.stdout, /Nothing was left\./);

    await running.stop({ now: true });
    await untilCompleted(running);
    await assertEqualDatabases(elsewhere);
    await assertNothingLeft(databases);
  });

  it('can be removed by the very statements that are shown', async () => {
    const { databases, file } = await terminateIn('by-hand', ({ stage }) => stage === 'monitor');
    const listed = JSON.parse((await cli(['orphans', '-f', file, '--json'])).stdout) as Listed[];
    for (const { end, remove } of listed) {
      for (const statement of remove.split('; ')) await query(databases[end], statement);
    }
    const rest = JSON.parse((await cli(['orphans', '-f', file, '--json'])).stdout) as Listed[];
    for (const { end, remove } of rest) await query(databases[end], remove);
    await assertNothingLeft(databases);
  });

  it('in load: sessions and children end by themselves, the rest is removed', async () => {
    const big = `CREATE TABLE big (id int PRIMARY KEY, t text);
      INSERT INTO big SELECT i, repeat('x', 500) FROM generate_series(1, 600000) i`;
    const { databases, file } = await terminateIn(
      'in-load',
      ({ stage, totals }) => stage === 'load' && totals.bytesPlanned !== '0',
      big,
    );
    const removed = await cli(['orphans', '-f', file, '--remove']);
    assert.equal(removed.code, 0, removed.stdout + removed.stderr);
    await assertNothingLeft(databases);
  });

  it('blocks a new start of the same name, which goes on once it and the tables are removed', async () => {
    const { databases, file, state } = await terminateIn('again', ({ stage }) => stage === 'monitor');
    const started = await cli(['start', '-f', file]);
    assert.equal(started.code, 2, started.stdout + started.stderr);
    const text = unwrapped(started.stdout);
    for (const end of ['source', 'target']) {
      assert.match(
        text,
        new RegExp(`The ${end} still has objects of another run of again: [^.]*run ${state.owner}`),
      );
    }
    assert.match(text, /, 3 blocks /);
    assert.match(text, / pgtrek orphans -f spec\.yaml --remove/);
    assert.match(
      text,
      /\d+ objects that the migration would make exist on the target \(database again\) already/,
    );

    const removed = await cli(['orphans', '-f', file, '--remove']);
    assert.equal(removed.code, 0, removed.stdout + removed.stderr);
    const migration = client.get('again');
    await migration.retry();
    const { findings } = await untilBlocked(migration);
    assert.deepEqual(
      findings.filter(({ verdict, id }) => verdict === 'block' && id !== 'target.empty'),
      [],
    );

    await query(databases.target, 'DROP SCHEMA public, "Back Office" CASCADE; CREATE SCHEMA public');
    await migration.retry();
    await untilState(migration, ({ stage }) => stage === 'monitor');
    await migration.stop({ now: true });
    await untilCompleted(migration);
    await assertEqualDatabases(databases);
    await assertNothingLeft(databases);
  });

  async function terminateIn(
    name: string,
    condition: (state: MigrationState) => boolean,
    arrange = 'SELECT 1',
  ): Promise<{ databases: Databases; file: string; state: MigrationState; migration: Migration }> {
    const databases = await createDatabases(world, name);
    await query(databases.source, arrange);
    const spec = specFor(name, databases);
    const file = await writeSpec(world, name, spec);
    const migration = await client.start(spec);
    const state = await untilState(migration, condition);
    await temporal.workflow.getHandle(`pgtrek-${name}`).terminate('a test');
    assert.ok((await leftOn(databases.source)).length > 0, 'a terminated workflow cleans nothing up');
    return { databases, file, state, migration };
  }
});
