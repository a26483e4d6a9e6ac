import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { connect } from '../../client/index.js';
import type { Pgtrek, SpecInput } from '../../client/index.js';
import { startCluster } from '../../dev/cluster.js';
import type { Cluster } from '../../dev/cluster.js';
import { readCatalogs } from '../harness/catalog.js';
import { cliOf, unwrapped, writeSpec } from '../harness/cli.js';
import type { Cli } from '../harness/cli.js';
import { assertNothingLeft } from '../harness/leaks.js';
import { FAULTS } from './bad-input-faults.js';
import type { Fault } from './bad-input-faults.js';
import { specFor } from '../harness/spec.js';
import { startWorker } from '../harness/worker.js';
import type { TestWorker } from '../harness/worker.js';
import { createDatabases, openWorld, query } from '../harness/world.js';
import type { Databases, World } from '../harness/world.js';

const QUEUE = 'bad-input';
describe(
  'bad input blocks in validate, says how it is mended, and changes nothing',
  { concurrency: 2 },
  () => {
    let world: World;
    let replica: Cluster;
    let worker: TestWorker;
    let client: Pgtrek;
    let cli: Cli;

    before(async () => {
      [world, replica] = await Promise.all([
        openWorld(),
        startCluster({ major: 15, settings: { wal_level: 'replica' } }),
      ]);
      const env = { WRONG_PASSWORD: 'a wrong one', REPLICA_PASSWORD: replica.password };
      worker = await startWorker(world, { taskQueue: QUEUE, env });
      client = await connect({ address: world.temporal.address, taskQueue: QUEUE });
      cli = cliOf(world, QUEUE, env);
    });
    after(async () => {
      await client.close();
      await worker.stop();
      await Promise.all([world.close(), replica.remove()]);
    });

    FAULTS.forEach((fault, n) => {
      it(fault.title, async () => {
        const name = `bad-${String(n + 1)}`;
        const databases = await createDatabases(world, name);
        const spec = await fault.arrange(specFor(name, databases), databases);
        await assertBlocks(name, databases, spec, fault);
      });
    });

    it('a wal_level that is not logical', async () => {
      const databases = await createDatabases(world, 'no-wal');
      databases.source = replica.connection();
      await query(databases.source, 'CREATE TABLE kept (id int PRIMARY KEY)');
      const spec = specFor('no-wal', databases);
      spec.source.password = { env: 'REPLICA_PASSWORD' };
      await assertBlocks('no-wal', databases, spec, {
        says: /wal_level/,
        remedy: /ALTER SYSTEM SET wal_level = 'logical';.*restart/,
      });
    });

    it('a password variable that the worker does not have', async () => {
      const databases = await createDatabases(world, 'no-variable');
      const spec = specFor('no-variable', databases);
      spec.source.password = { env: 'NOT_SET_ANYWHERE' };
      const before = await readCatalogs(databases);
      const file = await writeSpec(world, 'no-variable', spec);

      const [validated, started] = await Promise.all([
        cli(['validate', '-f', file]),
        cli(['start', '-f', file]),
      ]);
      assert.equal(validated.code, 1);
      assert.match(validated.stderr, /SECRET_UNAVAILABLE: Environment variable NOT_SET_ANYWHERE is not set/);
      assert.match(validated.stderr, /remedy: .*NOT_SET_ANYWHERE/);

      assert.equal(started.code, 2, started.stdout + started.stderr);
      assert.match(unwrapped(started.stdout), /SECRET_UNAVAILABLE: Environment variable NOT_SET_ANYWHERE/);
      await assertAborts('no-variable', databases, {
        code: 'SECRET_UNAVAILABLE',
        remedy: /Start the worker with NOT_SET_ANYWHERE set/,
      });
      assert.deepEqual(await readCatalogs(databases), before);
    });

    async function assertBlocks(
      name: string,
      databases: Databases,
      spec: SpecInput,
      { says, remedy }: Pick<Fault, 'says' | 'remedy'>,
    ): Promise<void> {
      const before = await readCatalogs(databases);
      const file = await writeSpec(world, name, spec);

      // Neither changes anything, so they may run at the same time.
      const [validated, started] = await Promise.all([
        cli(['validate', '-f', file]),
        cli(['start', '-f', file]),
      ]);
      assert.equal(validated.code, 2, validated.stdout + validated.stderr);
      assert.match(unwrapped(validated.stdout), says);
      assert.match(unwrapped(validated.stdout), remedy);
      assert.match(validated.stdout, /, 1 block$/m, 'one fault, one block');

      assert.equal(started.code, 2, started.stdout + started.stderr);
      assert.match(unwrapped(started.stdout), says);
      assert.match(unwrapped(started.stdout), remedy);
      assert.match(started.stdout, new RegExp(`pgtrek retry ${name} .*pgtrek abort ${name}`));
      await assertAborts(name, databases, { code: 'VALIDATION_FAILED', says, remedy });
      assert.deepEqual(await readCatalogs(databases), before);
    }

    async function assertAborts(
      name: string,
      databases: Databases,
      expected: { code: string; says?: RegExp; remedy: RegExp },
    ): Promise<void> {
      const migration = client.get(name);
      const { blocked } = await migration.state();
      assert.equal(blocked?.stage, 'validate');
      assert.equal(blocked.code, expected.code);
      if (expected.says) assert.match(unwrapped(blocked.message), expected.says);
      assert.match(unwrapped(blocked.remedy ?? ''), expected.remedy);
      await migration.abort();
      const outcome = await migration.result();
      assert.deepEqual(outcome, { outcome: 'aborted', leftovers: [], notes: [] });
      await assertNothingLeft(databases);
    }
  },
);
