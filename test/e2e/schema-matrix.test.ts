import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { connect } from '../../client/index.js';
import type { Migration, MigrationState, Pgtrek } from '../../client/index.js';
import type { ChangeKind } from '../../contract/schema-change.js';
import { assertEqualDatabases } from '../harness/equal.js';
import { assertNothingLeft } from '../harness/leaks.js';
import { untilCompleted, untilState } from '../harness/migrations.js';
import { specFor } from '../harness/spec.js';
import { startWorker } from '../harness/worker.js';
import type { TestWorker } from '../harness/worker.js';
import { createDatabases, openWorld, query } from '../harness/world.js';
import type { Databases, World } from '../harness/world.js';

const QUEUE = 'matrix';

const TABLES_SQL = `
  CREATE TYPE public.mood AS ENUM ('good', 'bad');
  CREATE SEQUENCE public.counter;
  CREATE TABLE public.item (id int PRIMARY KEY, n int NOT NULL DEFAULT 0, a text, b int, c varchar(20), m public.mood);
  INSERT INTO public.item SELECT i, 0, 'a' || i, i, 'c' || i, 'good' FROM generate_series(1, 500) AS i;
  CREATE TABLE public.part (id int NOT NULL, at date NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
  CREATE TABLE public.part_1 PARTITION OF public.part FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
  INSERT INTO public.part SELECT i, '2026-01-05' FROM generate_series(1, 50) AS i;
  CREATE FUNCTION public.twice(x int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT x * 2';
  CREATE VIEW public.items AS SELECT id, n FROM public.item;
  ANALYZE`;

interface Change {
  kind: ChangeKind;
  sql: string;
  /** Tables leave their lane, or are new: making the same change on the target would not do. */
  loads?: true;
}

/** One after the other, each on what the former ones have left. */
const CHANGES: Change[] = [
  { kind: 'column-added', sql: 'ALTER TABLE public.item ADD COLUMN d text' },
  { kind: 'column-renamed', sql: 'ALTER TABLE public.item RENAME COLUMN d TO e' },
  { kind: 'column-changed', sql: `ALTER TABLE public.item ALTER COLUMN e SET DEFAULT 'new'` },
  { kind: 'column-dropped', sql: 'ALTER TABLE public.item DROP COLUMN a' },
  { kind: 'column-retyped', sql: 'ALTER TABLE public.item ALTER COLUMN b TYPE bigint' },
  { kind: 'constraint-added', sql: 'ALTER TABLE public.item ADD CONSTRAINT item_n CHECK (n >= 0)' },
  { kind: 'constraint-dropped', sql: 'ALTER TABLE public.item DROP CONSTRAINT item_n' },
  { kind: 'index-added', sql: 'CREATE INDEX item_b ON public.item (b)' },
  { kind: 'index-dropped', sql: 'DROP INDEX public.item_b' },
  { kind: 'view-added', sql: 'CREATE VIEW public.items_b AS SELECT b FROM public.item' },
  { kind: 'view-changed', sql: 'CREATE OR REPLACE VIEW public.items AS SELECT id, n, b FROM public.item' },
  {
    kind: 'function-changed',
    sql: `CREATE OR REPLACE FUNCTION public.twice(x int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT x + x'`,
  },
  { kind: 'enum-value-added', sql: `ALTER TYPE public.mood ADD VALUE 'fair' BEFORE 'bad'` },
  { kind: 'sequence-changed', sql: 'ALTER SEQUENCE public.counter INCREMENT BY 5' },
  { kind: 'privileges-changed', sql: 'GRANT SELECT ON public.item TO PUBLIC' },
  {
    kind: 'partition-attached',
    sql: `CREATE TABLE public.part_2 PARTITION OF public.part FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')`,
  },
  { kind: 'table-renamed', sql: 'ALTER TABLE public.item RENAME TO thing' },
  {
    kind: 'table-added',
    sql: `CREATE TABLE public.fresh (id int PRIMARY KEY); INSERT INTO public.fresh SELECT generate_series(1, 100)`,
    loads: true,
  },
  { kind: 'partition-rewritten', sql: 'TRUNCATE public.part_1', loads: true },
  {
    kind: 'column-retyped',
    sql: `ALTER TABLE public.thing ALTER COLUMN c TYPE int USING length(c)`,
    loads: true,
  },
  { kind: 'table-dropped', sql: 'DROP TABLE public.fresh' },
];

/** The policies differ in what leads to an adoption, not in the adoption: `npm run test:full` tries all of them all. */
const FEW = process.env.PGTREK_FULL ? CHANGES : CHANGES.slice(0, 7);

describe('every kind of schema change, under writers', { concurrency: true }, () => {
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

  async function start(name: 'pause' | 'restart' | 'adopt'): Promise<{
    migration: Migration;
    databases: Databases;
    writers: Writers;
  }> {
    const databases = await createDatabases(world, name, 'template1');
    await query(databases.source, TABLES_SQL);
    const migration = await client.start(
      specFor(name, databases, { taskQueue: QUEUE, cdc: { stop: { never: true }, onSchemaChange: name } }),
    );
    await untilState(migration, isApplying);
    return { migration, databases, writers: startWriters(databases.source) };
  }

  async function endEqual(migration: Migration, databases: Databases, writers: Writers): Promise<void> {
    assert.ok((await writers.stop()) > 50, 'the writers had something to do');
    await migration.stop({ now: true, then: 'finish' });
    await untilCompleted(migration);
    await assertEqualDatabases(databases);
    await assertNothingLeft(databases);
  }

  it('is brought over by policy adopt', async () => {
    const { migration, databases, writers } = await start('adopt');
    try {
      for (const change of CHANGES) {
        const known = (await migration.state()).events.at(-1)?.n ?? 0;
        await query(databases.source, change.sql);
        await untilState(migration, (state) => isBroughtOver(state, known), 90);
      }
      await endEqual(migration, databases, writers);
    } finally {
      await writers.stop();
    }
  });

  it('waits for consent by policy restart, and is brought over with it', async () => {
    const { migration, databases, writers } = await start('restart');
    try {
      for (const change of FEW) {
        await query(databases.source, change.sql);
        const { blocked, drift } = await untilState(migration, ({ status }) => status === 'blocked', 90);
        assert.equal(blocked?.code, 'CONSENT_NEEDED', blocked?.message);
        assertNamed(drift, change);
        const known = (await migration.state()).events.at(-1)?.n ?? 0;
        await migration.restartOnSchemaChange({ dropTarget: true });
        await untilState(migration, (state) => isBroughtOver(state, known), 90);
      }
      await endEqual(migration, databases, writers);
    } finally {
      await writers.stop();
    }
  });

  it('pauses by policy pause, and goes on after the same change of the target', async () => {
    const { migration, databases, writers } = await start('pause');
    try {
      for (const change of FEW.filter(({ loads, kind }) => !loads && kind !== 'table-dropped')) {
        await query(databases.source, change.sql);
        const { drift } = await untilState(
          migration,
          ({ paused, lanes }) => paused !== undefined && lanes.every(({ status }) => status === 'stopped'),
          90,
        );
        assert.ok(drift, change.sql);
        await query(databases.target, change.sql);
        await migration.resume();
        await untilState(migration, (state) => isApplying(state) && state.paused === undefined);
      }
      await endEqual(migration, databases, writers);
    } finally {
      await writers.stop();
    }
  });
});

function assertNamed(drift: MigrationState['drift'], { kind, sql }: Change): void {
  const kinds = drift?.changes.map((change) => change.kind) ?? [];
  assert.ok(kinds.includes(kind), `${sql}: ${kinds.join(', ')}`);
}

function isApplying({ stage, status, lanes }: MigrationState): boolean {
  return stage === 'monitor' && status === 'running' && lanes.some((lane) => lane.status === 'applying');
}

/** Adopted since, with nothing left to load. */
function isBroughtOver(state: MigrationState, known: number): boolean {
  const since = state.events.filter(({ n }) => n > known);
  const told = (kind: string) => since.filter((event) => event.kind === kind).length;
  if (state.drift || !isApplying(state)) return false;
  if (told('adopted') + told('load-again') === 0) return false;
  if (
    told('load-again') > 0 &&
    !since.some(({ kind, text }) => kind === 'stage-done' && text.startsWith('subscribe'))
  )
    return false;
  return state.lanes.every(({ status }) => status === 'applying' || status === 'dropped');
}

interface Writers {
  /** How many transactions were committed. */
  stop: () => Promise<number>;
}

/** Write whole rows of whichever name and shape the table has at the moment. */
function startWriters(source: pg.ClientConfig): Writers {
  let isStopping = false;
  let committed = 0;
  const run = async (): Promise<void> => {
    const session = new pg.Client(source);
    session.on('error', () => undefined);
    await session.connect();
    for (let n = 1; !isStopping; n += 1) {
      for (const table of ['public.item', 'public.thing']) {
        const id = String(1 + Math.floor(Math.random() * 500));
        const done = await session.query(`UPDATE ${table} SET n = n + 1 WHERE id = ${id}`).then(
          () => true,
          () => false,
        );
        if (done) committed += 1;
      }
      const at = `2026-01-${String(1 + (n % 28)).padStart(2, '0')}`;
      await session
        .query(`INSERT INTO public.part SELECT coalesce(max(id), 0) + 1, '${at}' FROM public.part`)
        .catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await session.end();
  };
  const running = run();
  return {
    stop: async () => {
      isStopping = true;
      await running;
      return committed;
    },
  };
}
