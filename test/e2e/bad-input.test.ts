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
import { specFor } from '../harness/spec.js';
import { startWorker } from '../harness/worker.js';
import type { TestWorker } from '../harness/worker.js';
import { createDatabases, openWorld, query } from '../harness/world.js';
import type { Databases, World } from '../harness/world.js';

const QUEUE = 'bad-input';
const WRONG = { env: 'WRONG_PASSWORD' };

interface Fault {
  title: string;
  /** Does the harm on a server, or changes the spec. */
  arrange: (spec: SpecInput, databases: Databases) => SpecInput | Promise<SpecInput>;
  /** What validate says, and how it is mended. */
  says: RegExp;
  remedy: RegExp;
}

const FAULTS: Fault[] = [
  {
    title: 'a wrong password of the source',
    arrange: (spec) => ({ ...spec, source: { ...spec.source, password: WRONG } }),
    says: /source refused the password of postgres.*28P01/,
    remedy: /Correct source\.user, or what source\.password refers to/,
  },
  {
    title: 'a wrong password of the target',
    arrange: (spec) => ({ ...spec, target: { ...spec.target, password: WRONG } }),
    says: /target refused the password of postgres.*28P01/,
    remedy: /Correct target\.user, or what target\.password refers to/,
  },
  {
    title: 'an unknown host',
    arrange: (spec) => ({ ...spec, source: { ...spec.source, host: 'db1.invalid' } }),
    says: /host name db1\.invalid of the source is not known/,
    remedy: /Correct source\.host/,
  },
  {
    title: 'a port where no server listens',
    arrange: (spec) => ({ ...spec, target: { ...spec.target, port: 1 } }),
    says: /127\.0\.0\.1:1 refuses connections/,
    remedy: /Correct target\.host and target\.port/,
  },
  {
    title: 'a database that the target does not have',
    arrange: (spec) => ({ ...spec, target: { ...spec.target, database: 'nowhere' } }),
    says: /target 127\.0\.0\.1 has no database nowhere/,
    remedy: /CREATE DATABASE nowhere;/,
  },
  {
    title: 'a table without replica identity',
    async arrange(spec, { source }) {
      await query(source, 'CREATE TABLE no_key (a int)');
      return spec;
    },
    says: /no_key/,
    remedy: /ALTER TABLE public\.no_key REPLICA IDENTITY FULL/,
  },
  {
    title: 'a target that is not empty',
    async arrange(spec, { target }) {
      await query(target, 'CREATE TABLE film (a int)');
      return spec;
    },
    says: /TABLE public\.film exists on the target/,
    remedy: /DROP TABLE public\.film CASCADE; -- or use an empty target database/,
  },
  {
    title: 'a pattern that matches nothing',
    arrange: (spec) => ({ ...spec, select: { exclude: ['public.flim'] } }),
    says: /pattern public\.flim in select matches no relation.*public\.film/,
    remedy: /Correct or remove the pattern/,
  },
  {
    title: 'a stop time in the past',
    arrange: (spec) => ({ ...spec, cdc: { stop: { at: '2024-01-01T00:00:00Z' } } }),
    says: /stop lies in the past/,
    remedy: /pgtrek stop .* --at <a later time>/,
  },
  {
    title: 'a source that the target server cannot reach',
    arrange: (spec) => ({ ...spec, source: { ...spec.source, replication: { port: 1 } } }),
    says: /target server cannot reach the source at 127\.0\.0\.1:1/,
    remedy: /Open port 1 of 127\.0\.0\.1 for the target server/,
  },
];

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
