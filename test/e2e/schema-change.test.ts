import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { connect } from '../../client/index.js';
import type { Migration, MigrationState, Pgtrek } from '../../client/index.js';
import { startWriter } from '../../dev/writer.js';
import { assertEqualDatabases } from '../harness/equal.js';
import { assertNothingLeft } from '../harness/leaks.js';
import { untilBlocked, untilCompleted, untilState } from '../harness/migrations.js';
import { specFor } from '../harness/spec.js';
import { startWorker } from '../harness/worker.js';
import type { TestWorker } from '../harness/worker.js';
import { createDatabases, openWorld, query } from '../harness/world.js';
import type { Databases, World } from '../harness/world.js';

const QUEUE = 'change';

describe('a change of the source’s schema under a writer', () => {
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

  async function startInMonitor(
    name: string,
    databases: Databases,
    onSchemaChange: 'pause' | 'restart' | 'adopt',
  ): Promise<Migration> {
    const migration = await client.start(
      specFor(name, databases, { taskQueue: QUEUE, cdc: { stop: { never: true }, onSchemaChange } }),
    );
    await untilState(migration, ({ stage, lanes }) => stage === 'monitor' && lanes[0]?.status === 'applying');
    return migration;
  }

  /** The writer goes on until here. */
  async function endEqual(migration: Migration, databases: Databases, writer: { stop(): Promise<unknown> }) {
    await writer.stop();
    await migration.stop({ now: true, then: 'finish' });
    const done = await untilCompleted(migration);
    await assertEqualDatabases(databases);
    await assertNothingLeft(databases);
    return done;
  }

  it('asks for consent by policy restart; with it the changed table alone is loaded again', async () => {
    const databases = await createDatabases(world, 'consent');
    const writer = startWriter({ connection: databases.source, rate: 100 });
    try {
      const migration = await startInMonitor('consent', databases, 'restart');
      await query(databases.source, 'ALTER TABLE public.film ADD COLUMN drawn float8 DEFAULT random()');
      const { blocked } = await untilBlocked(migration);
      assert.equal(blocked?.code, 'CONSENT_NEEDED');
      assert.match(blocked.remedy ?? '', /restartOnSchemaChange/);
      await migration.restartOnSchemaChange({ dropTarget: true });
      const again = await untilState(migration, loadedAgain);
      assert.deepEqual(statuses(again), ['applying', 'applying']);
      const done = await endEqual(migration, databases, writer);
      assert.match(eventsOf(done), /to be loaded in a new lane: public\.film/);
      assert.equal(done.lanes.find(({ name }) => name.endsWith('_2'))?.tables, 1);
      const rows = await query(databases.target, 'SELECT FROM public.film WHERE drawn IS NULL LIMIT 1');
      assert.equal(rows.length, 0);
    } finally {
      await writer.stop();
    }
  });

  it('is brought over by policy adopt, in place where that is exact', async () => {
    const databases = await createDatabases(world, 'adopted');
    const writer = startWriter({ connection: databases.source, rate: 100 });
    try {
      const migration = await startInMonitor('adopted', databases, 'adopt');
      for (const sql of IN_PLACE) {
        await query(databases.source, sql);
        const changed = await untilState(migration, (state) => adoptedSince(state, sql));
        assert.equal(changed.blocked, undefined);
      }
      await untilState(
        migration,
        ({ lanes, drift }) => drift === undefined && lanes[0]?.status === 'applying',
      );
      const done = await endEqual(migration, databases, writer);
      assert.equal(done.lanes.length, 1);
    } finally {
      await writer.stop();
    }
  });

  it('that makes new tables, or old ones anew, is brought over by a new lane', async () => {
    const databases = await createDatabases(world, 'anew');
    const writer = startWriter({ connection: databases.source, rate: 100 });
    try {
      const migration = await startInMonitor('anew', databases, 'adopt');
      await query(
        databases.source,
        `CREATE TABLE public.fresh (id int PRIMARY KEY, note text);
         INSERT INTO public.fresh SELECT i, 'fresh ' || i FROM generate_series(1, 1000) AS i`,
      );
      await query(databases.source, `UPDATE public.fresh SET note = note || ' again' WHERE id < 10`);
      const again = await untilState(migration, loadedAgain, 90);
      assert.deepEqual(statuses(again), ['applying', 'applying']);
      await query(databases.source, `INSERT INTO public.fresh VALUES (2000, 'later')`);
      await endEqual(migration, databases, writer);
      assert.equal((await query(databases.target, 'SELECT FROM public.fresh')).length, 1001);
    } finally {
      await writer.stop();
    }
  });
});

const IN_PLACE = [
  'ALTER TABLE public.film ADD COLUMN note text',
  'CREATE INDEX film_note ON public.film (note)',
  'ALTER TABLE public.film RENAME COLUMN note TO remark',
  `UPDATE public.film SET remark = 'seen' WHERE film_id < 20; ALTER TABLE public.film DROP COLUMN remark`,
];

/** The event names what it brought over: the last words of the statement. */
function adoptedSince({ events, drift }: MigrationState, sql: string): boolean {
  const index = IN_PLACE.indexOf(sql);
  return drift === undefined && events.filter(({ kind }) => kind === 'adopted').length > index;
}

function loadedAgain({ stage, lanes }: MigrationState): boolean {
  return stage === 'monitor' && lanes.length === 2 && lanes.every(({ status }) => status === 'applying');
}

function statuses({ lanes }: MigrationState): string[] {
  return lanes.map(({ status }) => status);
}

function eventsOf({ events }: MigrationState): string {
  return events.map(({ text }) => text).join('\n');
}
