import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { connect } from '../../client/index.js';
import type { Pgtrek, SpecInput } from '../../client/index.js';
import { countRows } from '../harness/count-rows.js';
import { ownersAndGrants } from '../harness/owners.js';
import { assertNothingLeft } from '../harness/leaks.js';
import { untilBlocked, untilCompleted, untilState } from '../harness/migrations.js';
import { specFor } from '../harness/spec.js';
import { startWorker } from '../harness/worker.js';
import type { TestWorker } from '../harness/worker.js';
import { createDatabases, openWorld, query } from '../harness/world.js';
import type { Databases, World } from '../harness/world.js';

const QUEUE = 'select';
const NOW: SpecInput['cdc'] = { stop: { now: true } };

describe('what the spec selects is what comes', { concurrency: 2 }, () => {
  let world: World;
  let worker: TestWorker;
  let client: Pgtrek;

  before(async () => {
    world = await openWorld();
    worker = await startWorker(world, { taskQueue: QUEUE, env: { MOVER_PASSWORD: 'mover' } });
    client = await connect({ address: world.temporal.address, taskQueue: QUEUE });
    await query(world.source.connection(), 'CREATE ROLE "App Owner"; CREATE ROLE reader');
    await query(
      world.target.connection(),
      `CREATE ROLE mover LOGIN PASSWORD 'mover'; GRANT pg_create_subscription TO mover`,
    );
  });
  after(async () => {
    await client.close();
    await worker.stop();
    await world.close();
  });

  for (const method of ['stream', 'dump'] as const) {
    it(`exclude and excludeData, by patterns (${method})`, async () => {
      const databases = await createDatabases(world, `leaves-out-${method}`);
      const select = {
        exclude: ['film_re*', '"Back Office".to*', 'wish_list', 'language'],
        excludeData: ['shop_event', 'payment*', 'refund'],
      };
      const migration = await client.start(
        specFor(`leaves-out-${method}`, databases, { mode: 'full-load', load: { method }, select }),
      );
      await untilCompleted(migration);
      const [expected, found] = [await countRows(databases.source), await countRows(databases.target)];
      for (const [table, rows] of Object.entries(expected)) {
        if (/film_re|to\.do|wish_list|language/.test(table)) delete expected[table];
        else expected[table] = /^(shop_event|payment|refund)/.test(table) ? 0 : rows;
      }
      assert.deepEqual(found, expected);
      assert.deepEqual(
        await query(databases.target, `SELECT to_regclass('film_review_review_id_seq') AS it`),
        [{ it: null }],
      );
    });
  }

  it('include: these tables, their sequences where they stand, and nothing else', async () => {
    const databases = await createDatabases(world, 'takes');
    await query(databases.source, 'DROP FUNCTION rewards_report');
    await query(
      databases.source,
      `SELECT setval('category_category_id_seq', 4711); CREATE SCHEMA "B.x" CREATE TABLE a (id int PRIMARY KEY)`,
    );
    const select = { include: ['public.categor?', 'supplier', '"B.x".*'] };
    const migration = await client.start(specFor('takes', databases, { select, cdc: NOW }));
    await untilCompleted(migration);
    const tables = Object.keys(await countRows(databases.target)).sort();
    assert.deepEqual(tables, ['"B.x".a', 'category', 'supplier']);
    const sequences = await query(
      databases.target,
      `SELECT sequencename AS name, last_value::int AS value FROM pg_sequences ORDER BY 1`,
    );
    const [supplier] = await query<{ value: number }>(
      databases.source,
      'SELECT last_value::int AS value FROM supplier_supplier_id_seq',
    );
    assert.deepEqual(sequences, [
      { name: 'category_category_id_seq', value: 4711 },
      { name: 'supplier_supplier_id_seq', value: supplier?.value },
    ]);
    await assertNothingLeft(databases);
  });

  it('no changes of excluded tables, nor of those without data, are replicated', async () => {
    const databases = await createDatabases(world, 'changes');
    const select = { exclude: ['wish_list'], excludeData: ['shop_event'] };
    const migration = await client.start(
      specFor('changes', databases, { select, cdc: { stop: { never: true } } }),
    );
    await untilState(migration, ({ stage }) => stage === 'monitor');
    await query(
      databases.source,
      `INSERT INTO shop_event (kind) VALUES ('later'); INSERT INTO supplier (name, city) VALUES ('later', 'x')`,
    );
    await query(databases.source, 'DELETE FROM wish_list');
    await migration.stop({ now: true });
    await untilCompleted(migration);
    assert.equal((await countRows(databases.target))['shop_event'], 0);
    assert.equal((await query(databases.target, `SELECT FROM supplier WHERE name = 'later'`)).length, 1);
  });

  it('a view of an excluded table blocks, and tells of the foreign keys that will be missing', async () => {
    const databases = await createDatabases(world, 'view');
    const migration = await client.start(specFor('view', databases, { select: { exclude: ['address'] } }));
    const { findings } = await untilBlocked(migration);
    const told = findings
      .filter(({ verdict }) => verdict !== 'ok')
      .map(({ why, remedy }) => `${why} ${remedy ?? ''}`);
    assert.ok(
      told.some((text) =>
        /View public\.customer_list is selected and depends on public\.address, which is left out\. Leave out public\.customer_list too/.test(
          text,
        ),
      ),
      told.join('\n'),
    );
    assert.ok(
      told.some((text) =>
        /customer_address_id_fkey of public\.customer refers to public\.address/.test(text),
      ),
      told.join('\n'),
    );
    await migration.abort();
  });

  it('rows that refer to a table without data are told of in validate', async () => {
    const databases = await createDatabases(world, 'referred');
    const migration = await client.start(
      specFor('referred', databases, { mode: 'full-load', select: { excludeData: ['language'] } }),
    );
    const { blocked } = await untilBlocked(migration);
    await migration.abort({ dropTarget: true });
    assert.equal(blocked?.stage, 'validate', JSON.stringify(blocked));
    assert.match(blocked.message, /film_language_id_fkey/);
  });

  it('owners and privileges: skipped, everything is the user’s of the target', async () => {
    const databases = await ownedDatabases('skips');
    const migration = await client.start(
      moverSpec('skips', databases, { schema: { owners: 'skip', privileges: 'skip' } }),
    );
    await untilCompleted(migration);
    assert.deepEqual(await ownersAndGrants(databases.target), { owners: ['mover'], reader: false });
    await assertNothingLeft(databases);
  });

  it('owners and privileges: kept, once the roles are made by the remedies of validate', async () => {
    const databases = await ownedDatabases('keeps');
    const migration = await client.start(moverSpec('keeps', databases, {}));
    for (let round = 0; round < 5; round += 1) {
      const state = await untilState(
        migration,
        ({ status, stage }) => status === 'blocked' || stage !== 'validate',
      );
      if (state.status !== 'blocked') break;
      const remedies = state.findings
        .filter(({ verdict }) => verdict === 'block')
        .map(({ remedy }) => remedy ?? '');
      for (const remedy of remedies) await query(databases.target, remedy);
      await migration.retry();
      await untilState(migration, ({ status }) => status !== 'blocked').catch(() => undefined);
    }
    await untilCompleted(migration);
    assert.deepEqual(await ownersAndGrants(databases.target), { owners: ['App Owner'], reader: true });
    await assertNothingLeft(databases);
  });

  /** Everything on the source belongs to a role that the target does not have, and another one may read it. */
  async function ownedDatabases(name: string): Promise<Databases> {
    const databases = await createDatabases(world, name);
    await query(
      databases.source,
      `DROP SCHEMA public, "Back Office" CASCADE; CREATE SCHEMA public;
       CREATE TABLE public.item (id serial PRIMARY KEY, name text);
       INSERT INTO item (name) VALUES ('one'), ('two');
       ALTER TABLE item OWNER TO "App Owner"; GRANT SELECT ON item TO reader`,
    );
    await query(
      databases.target,
      `GRANT CREATE ON DATABASE ${name} TO mover; GRANT CREATE ON SCHEMA public TO mover`,
    );
    return databases;
  }

  function moverSpec(name: string, databases: Databases, rest: Partial<SpecInput>): SpecInput {
    const spec = specFor(name, databases, { ...rest, cdc: NOW });
    return { ...spec, target: { ...spec.target, user: 'mover', password: { env: 'MOVER_PASSWORD' } } };
  }
});
