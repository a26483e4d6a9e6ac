import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { connect } from '../../client/index.js';
import type { Migration, Pgtrek, SpecInput } from '../../client/index.js';
import { startCluster } from '../../dev/cluster.js';
import type { Cluster } from '../../dev/cluster.js';
import { startWriter } from '../../dev/writer.js';
import { cliOf, unwrapped, writeSpec } from '../harness/cli.js';
import { assertEqualDatabases } from '../harness/equal.js';
import { assertNothingLeft } from '../harness/leaks.js';
import { OLDEST } from '../harness/majors.js';
import { untilCompleted, untilState } from '../harness/migrations.js';
import { MOVER, createPlainDatabases, createPlainRoles } from '../harness/plain-roles.js';
import { specFor } from '../harness/spec.js';
import { startWorker } from '../harness/worker.js';
import type { TestWorker } from '../harness/worker.js';
import { createDatabases, openWorld, query } from '../harness/world.js';
import type { Databases, World } from '../harness/world.js';

const QUEUE = 'versions';
const FROM = String(OLDEST);

describe('servers and roles that people have', { concurrency: 2 }, () => {
  let world: World;
  /** A second server of the source's major. */
  let same: Cluster;
  let worker: TestWorker;
  let client: Pgtrek;
  const env = { MOVER_PASSWORD: MOVER.password, SAME_PASSWORD: '' };

  before(async () => {
    [world, same] = await Promise.all([openWorld({ sourceMajor: OLDEST }), startCluster({ major: OLDEST })]);
    env.SAME_PASSWORD = same.password;
    worker = await startWorker(world, { taskQueue: QUEUE, env });
    client = await connect({ address: world.temporal.address, taskQueue: QUEUE });
    await createPlainRoles(world);
  });
  after(async () => {
    await client.close();
    await worker.stop();
    await Promise.all([world.close(), same.remove()]);
  });

  it(`${FROM} → 18 without a superuser on either end, under a writer`, async () => {
    const databases = await createPlainDatabases(world, 'plain');
    const migration = await moveUnderWriter(databases, moverSpec('plain', databases));
    const superuser = { source: world.source.connection('plain'), target: world.target.connection('plain') };
    await assertEqualDatabases(superuser);
    await assertNothingLeft(superuser);
    assert.equal((await migration.state()).outcome?.outcome, 'finished');
  });

  it(`${FROM} → 18 without a superuser, by pg_dump and pg_restore`, async () => {
    const databases = await createPlainDatabases(world, 'plain_dump');
    const migration = await client.start({
      ...moverSpec('plain-dump', databases),
      mode: 'full-load',
      load: { method: 'dump' },
    });
    await untilCompleted(migration);
    await assertEqualDatabases({
      source: world.source.connection('plain_dump'),
      target: world.target.connection('plain_dump'),
    });
  });

  it(`${FROM} → 18 without a superuser, copied by the server, paused on its way and cut over`, async () => {
    const databases = await createPlainDatabases(world, 'plain_native');
    const migration = await client.start({
      ...moverSpec('plain-native', databases),
      load: { method: 'native' },
    });
    await untilState(migration, ({ stage }) => stage === 'monitor');
    await migration.pause();
    await untilState(migration, ({ lanes }) => lanes[0]?.status === 'stopped');
    await migration.resume();
    await untilState(
      migration,
      ({ status, lanes }) => status === 'running' && lanes[0]?.status === 'applying',
    );
    await migration.cutover({ maxPause: '30s' });
    await untilState(migration, ({ cutover, status }) => status === 'stopped' && cutover?.outcome === 'done');
    await migration.finish();
    await untilCompleted(migration);
    const superuser = {
      source: world.source.connection('plain_native'),
      target: world.target.connection('plain_native'),
    };
    await assertEqualDatabases(superuser);
    await assertNothingLeft(superuser);
  });

  it('abort with dropTarget works without a superuser', async () => {
    const databases = await createPlainDatabases(world, 'plain_abort');
    const migration = await client.start(moverSpec('plain-abort', databases));
    await untilState(migration, ({ stage }) => stage === 'monitor');
    await migration.abort({ dropTarget: true });
    assert.deepEqual(await migration.result(), { outcome: 'aborted', leftovers: [], notes: [] });
    await assertNothingLeft(databases);
  });

  it('roles without any grant: validate says every statement that they need, at once', async () => {
    const databases = await createPlainDatabases(world, 'bare');
    const superuser = { source: world.source.connection('bare'), target: world.target.connection('bare') };
    await query(superuser.source, `CREATE ROLE bare LOGIN PASSWORD 'mover'`);
    await query(superuser.target, `CREATE ROLE bare LOGIN PASSWORD 'mover'`);
    const spec = moverSpec('bare', databases);
    spec.source.user = 'bare';
    spec.target.user = 'bare';
    const cli = cliOf(world, QUEUE, env);
    const file = await writeSpec(world, 'bare', spec);
    for (let round = 0; round < 3; round += 1) {
      const { stdout } = await cli(['validate', '-f', file, '--json']);
      const { findings } = JSON.parse(stdout) as {
        findings: { id: string; verdict: string; remedy?: string; scope: string }[];
      };
      const blocks = findings.filter(({ verdict }) => verdict === 'block');
      if (blocks.length === 0) break;
      for (const { id, scope, remedy } of blocks) {
        const end = /^source|^select/.test(id) || scope.startsWith('source') ? 'source' : 'target';
        await query(superuser[end], remedy ?? '');
      }
    }
    const validated = await cli(['validate', '-f', file]);
    assert.equal(validated.code, 0, validated.stdout);
    await untilCompleted(await client.start({ ...spec, cdc: { stop: { now: true } } }));
    await assertEqualDatabases(superuser);
  });

  it(`${FROM} → ${FROM}, under a writer`, async () => {
    const { source } = await createDatabases(world, 'same');
    await query(same.connection(), 'CREATE DATABASE same');
    const databases = { source, target: same.connection('same') };
    const spec = specFor('same', databases);
    spec.target.password = { env: 'SAME_PASSWORD' };
    await moveUnderWriter(databases, spec);
    await assertEqualDatabases(databases);
    await assertNothingLeft(databases);
  });

  it('a source that is newer than pg_dump, or than the target, is refused by validate', async () => {
    const { source, target } = await createDatabases(world, 'newer');
    await query(target, 'CREATE TABLE t (id int PRIMARY KEY)');
    const spec = specFor('newer', { source: target, target: source });
    spec.source.password = { env: 'TARGET_PASSWORD' };
    spec.target.password = { env: 'SOURCE_PASSWORD' };
    const cli = cliOf(world, QUEUE, { ...env, PGTREK_PG_BIN: '/usr/lib/postgresql/15/bin' });
    const { code, stdout } = await cli(['validate', '-f', await writeSpec(world, 'newer', spec)]);
    assert.equal(code, 2);
    assert.match(
      unwrapped(stdout),
      /pg_dump is of PostgreSQL 15 and cannot dump the source, which is 18\. → Install the client tools of PostgreSQL 18/,
    );
    assert.match(unwrapped(stdout), new RegExp(`target.*${FROM}.*18|18.*${FROM}`));
  });

  function moverSpec(name: string, databases: Databases): SpecInput {
    const spec = specFor(name, databases);
    spec.source.password = { env: 'MOVER_PASSWORD' };
    spec.target.password = { env: 'MOVER_PASSWORD' };
    return spec;
  }

  /** Stops while the writer writes; then the writer ends, and a second stop would find nothing more. */
  async function moveUnderWriter(databases: Databases, spec: SpecInput): Promise<Migration> {
    const writer = startWriter({ connection: databases.source, rate: 100 });
    const migration = await client.start(spec);
    try {
      await untilState(migration, ({ stage, status }) => stage === 'monitor' || status === 'blocked');
    } finally {
      await writer.stop();
    }
    await migration.stop({ now: true });
    await untilCompleted(migration);
    return migration;
  }
});
