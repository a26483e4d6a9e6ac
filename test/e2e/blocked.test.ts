import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { connect } from '../../client/index.js';
import type { Migration, Pgtrek, SpecInput } from '../../client/index.js';
import { assertEqualDatabases } from '../harness/equal.js';
import { assertNothingLeft } from '../harness/leaks.js';
import { untilBlocked, untilCompleted } from '../harness/migrations.js';
import { specFor } from '../harness/spec.js';
import { startWorker } from '../harness/worker.js';
import type { TestWorker } from '../harness/worker.js';
import { createDatabases, openWorld, query } from '../harness/world.js';
import type { Databases, World } from '../harness/world.js';

const QUEUE = 'blocked';
const NOW: SpecInput['cdc'] = { stop: { now: true } };

/** On the target: whoever makes table film is refused. No check of validate can know of it. */
const REFUSE_FILM = `
  CREATE FUNCTION refuse_film() RETURNS event_trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() WHERE object_identity = 'public.film') THEN
      RAISE EXCEPTION 'no films here' USING HINT = 'ask the librarian';
    END IF;
  END $$;
  CREATE EVENT TRIGGER refuse_film ON ddl_command_end EXECUTE FUNCTION refuse_film()`;

/** A row whose foreign key points nowhere, made as a broken restore makes it. */
const ORPHAN_ROW = `
  SET session_replication_role = replica;
  INSERT INTO wish_list (customer_id, film_id) VALUES (1, -7)`;

describe(
  'a migration that cannot go on waits, and goes on after what blocks was mended',
  { concurrency: 2 },
  () => {
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

    it('in validate: the statement of the remedy is all that it needs', async () => {
      const databases = await createDatabases(world, 'in-validate');
      await query(databases.source, 'CREATE TABLE "No Key" (a int); INSERT INTO "No Key" VALUES (1), (1)');
      const migration = await client.start(specFor('in-validate', databases, { cdc: NOW }));
      const { blocked } = await untilBlocked(migration);
      assert.equal(blocked?.code, 'VALIDATION_FAILED');
      await query(databases.source, blocked.remedy ?? '');
      await retryToTheEnd(migration, databases);
    });

    it('in validate: a second retry finds what is still wrong', async () => {
      const databases = await createDatabases(world, 'still-wrong');
      await query(databases.target, 'CREATE TABLE film (a int); CREATE TABLE actor (a int)');
      const migration = await client.start(specFor('still-wrong', databases, { mode: 'full-load' }));
      for (let table = 0; table < 2; table += 1) {
        const { blocked } = await untilBlocked(migration);
        assert.match(blocked?.message ?? '', /exists on the target/);
        await query(databases.target, blocked?.remedy ?? '');
        await migration.retry();
      }
      await untilCompleted(migration);
      await assertEqualDatabases(databases);
    });

    it('in restore: the whole schema is rolled back, and restored by the retry', async () => {
      const databases = await createDatabases(world, 'in-restore');
      await query(databases.target, REFUSE_FILM);
      const migration = await client.start(specFor('in-restore', databases, { cdc: NOW }));
      const { blocked } = await untilBlocked(migration);
      assert.equal(blocked?.stage, 'restore');
      assert.equal(blocked.code, 'RESTORE_FAILED');
      assert.match(blocked.message, /no films here.*CREATE TABLE public\.film /s);
      assert.deepEqual(await query(databases.target, `SELECT FROM pg_class WHERE relname = 'country'`), []);

      await query(databases.target, 'DROP EVENT TRIGGER refuse_film; DROP FUNCTION refuse_film');
      await retryToTheEnd(migration, databases);
    });

    it('in restore: an object that somebody made meanwhile is named', async () => {
      const databases = await createDatabases(world, 'in-between');
      await query(databases.target, REFUSE_FILM);
      const migration = await client.start(specFor('in-between', databases, { mode: 'full-load' }));
      await untilBlocked(migration);
      await query(
        databases.target,
        'DROP EVENT TRIGGER refuse_film; DROP FUNCTION refuse_film; CREATE TABLE actor (mine int)',
      );
      await migration.retry();
      const { blocked } = await untilBlocked(migration);
      assert.equal(blocked?.code, 'RESTORE_PARTIAL');
      assert.match(
        blocked.message,
        /objects? of the schema that this migration did not make \(TABLE public\.actor\)/,
      );

      await query(databases.target, 'DROP TABLE actor');
      await retryToTheEnd(migration, databases);
    });

    for (const mode of ['full-load', 'full-load-and-cdc'] as const) {
      it(`in load: rows that break a foreign key are mended on the target, and nothing is copied again (${mode})`, async () => {
        const name = `foreign-key-${mode === 'full-load' ? 'full' : 'cdc'}`;
        const databases = await createDatabases(world, name);
        await query(databases.source, ORPHAN_ROW);
        const migration = await client.start(
          specFor(name, databases, {
            mode,
            load: { foreignKeyViolations: 'block' },
            ...(mode === 'full-load' ? {} : { cdc: NOW }),
          }),
        );
        const { blocked, totals } = await untilBlocked(migration);
        assert.equal(blocked?.stage, 'load');
        assert.equal(blocked.code, 'CONSTRAINT_VIOLATED');
        assert.match(blocked.message, /wish_list_film_id_fkey.*-7/);
        assert.equal(blocked.object, 'public.wish_list');
        const copied = await copiesOf(databases);

        await query(databases.target, 'DELETE FROM wish_list WHERE film_id = -7');
        await query(
          databases.source,
          'SET session_replication_role = replica; DELETE FROM wish_list WHERE film_id = -7',
        );
        await migration.retry();
        await untilCompleted(migration);
        assert.deepEqual((await migration.state()).totals.rowsCopied, totals.rowsCopied);
        assert.deepEqual(copied.lanes, [copied.lanes[0]], 'one lane brought everything');
        assert.ok(!(await migration.events()).some(({ kind }) => kind === 'lane-given-up'));
        await assertEqualDatabases(databases);
        await assertNothingLeft(databases);
      });
    }

    it('in load: an index that the data does not allow', async () => {
      const databases = await createDatabases(world, 'no-index');
      // What a collation that changed under its index looks like: a unique index over values that are not.
      await query(
        databases.source,
        `CREATE INDEX not_so_unique ON rental (customer_id);
       UPDATE pg_index SET indisunique = true WHERE indexrelid = 'not_so_unique'::regclass`,
      );
      const migration = await client.start(specFor('no-index', databases, { cdc: NOW }));
      const { blocked } = await untilBlocked(migration);
      assert.equal(blocked?.code, 'INDEX_FAILED');
      assert.equal(blocked.object, 'public.not_so_unique');
      assert.match(blocked.message, /customer_id.*duplicated/);

      await query(databases.target, 'CREATE INDEX not_so_unique ON rental (customer_id)');
      await query(
        databases.source,
        `UPDATE pg_index SET indisunique = false WHERE indexrelid = 'not_so_unique'::regclass`,
      );
      await retryToTheEnd(migration, databases);
    });

    async function retryToTheEnd(migration: Migration, databases: Databases): Promise<void> {
      await migration.retry({ by: 'the test', reason: 'mended' });
      await untilCompleted(migration);
      await assertEqualDatabases(databases);
      await assertNothingLeft(databases);
    }

    async function copiesOf({ target }: Databases): Promise<{ lanes: string[] }> {
      const rows = await query<{ lane: string }>(target, 'SELECT DISTINCT lane FROM pgtrek.copied');
      return { lanes: rows.map(({ lane }) => lane) };
    }
  },
);
