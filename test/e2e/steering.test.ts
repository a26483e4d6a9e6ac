import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { connect } from '../../client/index.js';
import type { MigrationState, Pgtrek, SpecInput } from '../../client/index.js';
import { createOracle } from '../../dev/oracle.js';
import { waitUntil } from '../../dev/wait-until.js';
import { startWriter } from '../../dev/writer.js';
import { assertEqualDatabases } from '../harness/equal.js';
import { assertNothingLeft } from '../harness/leaks.js';
import { untilBlocked, untilCompleted, untilState } from '../harness/migrations.js';
import { specFor } from '../harness/spec.js';
import { assertExactAt, countEvents, markerOf, positionAfter } from '../harness/steered.js';
import { startWorker } from '../harness/worker.js';
import type { TestWorker } from '../harness/worker.js';
import { createDatabases, openWorld, query } from '../harness/world.js';
import type { Databases, World } from '../harness/world.js';

const QUEUE = 'steering';

describe('a migration that replicates', () => {
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

  const start = (name: string, databases: Databases, stop: NonNullable<SpecInput['cdc']>['stop']) =>
    client.start(specFor(name, databases, { taskQueue: QUEUE, cdc: { stop } }));

  const startInMonitor = async (
    name: string,
    databases: Databases,
    stop: NonNullable<SpecInput['cdc']>['stop'],
  ) => {
    const migration = await start(name, databases, stop);
    await untilState(migration, ({ stage }) => stage === 'monitor');
    return migration;
  };

  it('stands while it is paused, and goes on from there', async () => {
    const databases = await createDatabases(world, 'pause');
    const oracle = await createOracle({ source: databases.source });
    const writer = startWriter({ connection: databases.source, rate: 200 });
    try {
      const migration = await startInMonitor('pause', databases, { never: true });
      const asked = await migration.pause({ by: 'ann' });
      assert.equal(asked.status, 'paused');
      assert.equal(asked.paused?.by, 'ann');
      await untilState(migration, hasPaused);
      const before = await countRows(databases.target);
      await untilWritten(databases.source, 100);
      assert.equal(await countRows(databases.target), before, 'nothing arrives while it is paused');
      await migration.resume();
      await untilState(
        migration,
        ({ status, lanes }) => status === 'running' && lanes[0]?.status === 'applying',
      );
      assert.ok(
        await waitUntil(async () => (await countRows(databases.target)) > before, { deadlineMs: 20_000 }),
        'the lanes go on',
      );
      // Once more, and the other way round: resumed before the lanes stand.
      await migration.pause();
      await migration.resume();
      await migration.stop({ now: true });
      const done = await untilCompleted(migration);
      await writer.stop();
      await assertExactAt(oracle, databases, markerOf(done));
      await assertNothingLeft(databases);
    } finally {
      await writer.stop();
      await oracle.drop();
    }
  });

  it('leaves the marker of a pause that blocked and was taken back meanwhile', async () => {
    const databases = await createDatabases(world, 'pause_blocks');
    const oracle = await createOracle({ source: databases.source });
    try {
      const migration = await startInMonitor('pause-blocks', databases, { never: true });
      // Apply cannot pass this row until it is gone from the target.
      const row = `INSERT INTO public.category (category_id, name) VALUES (900, 'both')`;
      await query(databases.target, row);
      await query(databases.source, row);
      await migration.pause();
      const { blocked } = await untilBlocked(migration);
      assert.equal(blocked?.code, 'APPLY_ERROR');
      await migration.resume();
      await query(databases.target, 'DELETE FROM public.category WHERE category_id = 900');
      await migration.retry();
      await untilState(
        migration,
        ({ lanes, events }) => lanes[0]?.status === 'applying' && events.at(-1)?.text === 'the lanes go on',
      );
      const writer = startWriter({ connection: databases.source, rate: 200 });
      try {
        await untilWritten(databases.source, 20);
        await migration.stop({ now: true });
        const done = await untilCompleted(migration);
        await writer.stop();
        await assertExactAt(oracle, databases, markerOf(done));
      } finally {
        await writer.stop();
      }
      await assertNothingLeft(databases);
    } finally {
      await oracle.drop();
    }
  });

  it('commits the marker of a planned stop while it is paused, and stops there when it is resumed', async () => {
    const databases = await createDatabases(world, 'pause_stop');
    const oracle = await createOracle({ source: databases.source });
    const writer = startWriter({ connection: databases.source, rate: 200 });
    try {
      const migration = await startInMonitor('pause-stop', databases, { never: true });
      await migration.pause();
      await untilState(migration, hasPaused);
      const at = new Date(Date.now() + 1_500).toISOString();
      await migration.stop({ at });
      await untilState(migration, ({ events }) => events.some(({ kind }) => kind === 'marker'));
      const paused = await migration.state();
      assert.equal(paused.status, 'paused');
      await untilWritten(databases.source, 50);
      await migration.resume();
      const done = await untilCompleted(migration);
      assert.equal(done.stop?.report?.plannedAt, at);
      assert.equal(done.stop.report.late, undefined);
      await writer.stop();
      await assertExactAt(oracle, databases, markerOf(done));
      await assertNothingLeft(databases);
    } finally {
      await writer.stop();
      await oracle.drop();
    }
  });

  it('goes on after a stop that waits: by resume, and by another stop', async () => {
    const databases = await createDatabases(world, 'again');
    const oracle = await createOracle({ source: databases.source });
    const writer = startWriter({ connection: databases.source, rate: 200 });
    try {
      const migration = await start('again', databases, { now: true, then: 'wait' });
      const first = await untilState(migration, ({ status }) => status === 'stopped');
      await assert.rejects(migration.stop({ never: true }), /send resume/);
      await migration.resume();
      const resumed = await untilState(migration, ({ lanes }) => lanes[0]?.status === 'applying');
      assert.equal(resumed.stop?.kind, 'never');
      assert.equal(resumed.stop.report, undefined);
      await untilWritten(databases.source, 50);
      await migration.stop({ now: true, then: 'wait' });
      const second = await untilState(migration, ({ status }) => status === 'stopped');
      assert.notEqual(markerOf(second).id, markerOf(first).id);
      await untilWritten(databases.source, 50);
      await migration.stop({ now: true, then: 'finish' });
      const done = await untilCompleted(migration);
      assert.equal(new Set([first, second, done].map((state) => markerOf(state).id)).size, 3);
      await writer.stop();
      await assertExactAt(oracle, databases, markerOf(done));
      await assertNothingLeft(databases);
    } finally {
      await writer.stop();
      await oracle.drop();
    }
  });

  it('stops at the first commit at or past an LSN, and refuses one that has passed', async () => {
    const databases = await createDatabases(world, 'at_lsn');
    const oracle = await createOracle({ source: databases.source });
    const writer = startWriter({ connection: databases.source, rate: 300 });
    try {
      const migration = await startInMonitor('at-lsn', databases, { never: true });
      const passed = await positionAfter(databases, 0);
      await untilWritten(databases.source, 10);
      await assert.rejects(migration.stop({ lsn: passed }), (error: Error) =>
        error.message.includes(`the source has passed ${passed}`),
      );
      await migration.signal('stop', { lsn: passed });
      await untilState(migration, (state) => countEvents(state, 'refused') === 1);
      const lsn = await positionAfter(databases, 1_000_000);
      await migration.stop({ lsn });
      const done = await untilCompleted(migration);
      await writer.stop();
      const report = done.stop?.report;
      assert.equal(report?.plannedLsn, lsn);
      assert.equal(report.late, undefined);
      const overshoot = Number(report.overshootBytes);
      assert.ok(overshoot >= 0 && overshoot < 1_000_000, `overshoot ${String(overshoot)} bytes`);
      await assertExactAt(oracle, databases, markerOf(done));
      await assertNothingLeft(databases);
    } finally {
      await writer.stop();
      await oracle.drop();
    }
  });

  it('cuts over: looks first, stands, sets the sequences once, and finishes', async () => {
    const databases = await createDatabases(world, 'cutover');
    const writer = startWriter({ connection: databases.source, rate: 100 });
    try {
      const migration = await startInMonitor('cutover', databases, { never: true });
      await migration.cutover({ dryRun: true });
      const looked = await untilState(migration, ({ cutover }) => cutover !== undefined);
      assert.deepEqual(looked.cutover?.reasons, []);
      assert.equal(looked.cutover.outcome, 'ready');
      await writer.stop();
      await migration.cutover({ maxPause: '30s' });
      const stood = await untilState(migration, ({ status }) => status === 'stopped');
      assert.equal(stood.stage, 'cutover');
      assert.equal(stood.cutover?.outcome, 'done');
      assert.ok((stood.cutover.sequencesSet ?? 0) > 0);
      await assertEqualDatabases(databases);
      await query(databases.target, `SELECT nextval('public.rental_rental_id_seq')`);
      const [{ value } = { value: '' }] = await query<{ value: string }>(
        databases.target,
        'SELECT last_value AS value FROM public.rental_rental_id_seq',
      );
      await migration.finish();
      const done = await untilCompleted(migration);
      assert.deepEqual(done.stages.at(-1), { ...done.stages.at(-1), name: 'cutover', status: 'done' });
      const [after_] = await query<{ value: string }>(
        databases.target,
        'SELECT last_value AS value FROM public.rental_rental_id_seq',
      );
      assert.equal(after_?.value, value, 'what the target’s sequences did since the cutover stays');
      await assertNothingLeft(databases);
    } finally {
      await writer.stop();
    }
  });

  it('pauses at drift, refuses a cutover while it is there, and begins again with the schema as it is', async () => {
    const databases = await createDatabases(world, 'drift');
    const writer = startWriter({ connection: databases.source, rate: 50 });
    try {
      const migration = await startInMonitor('drift', databases, { never: true });
      await query(databases.source, 'ALTER TABLE public.language ADD COLUMN note text');
      const drifted = await untilState(migration, ({ drift }) => drift !== undefined);
      assert.deepEqual(
        drifted.drift?.changes.map(({ kind, object }) => [kind, object]),
        [['column-added', 'public.language.note']],
      );
      const paused = await untilState(migration, ({ lanes }) => lanes[0]?.status === 'stopped');
      assert.match(paused.paused?.by ?? '', /schema/);
      await assert.rejects(migration.cutover(), /paused/);
      await migration.resume();
      await untilState(migration, ({ lanes }) => lanes[0]?.status === 'applying');
      await migration.cutover();
      const refused = await untilState(migration, ({ cutover }) => cutover !== undefined);
      assert.equal(refused.cutover?.outcome, 'refused');
      await query(databases.source, 'ALTER TABLE public.language DROP COLUMN note');
      await untilState(migration, (state) => state.drift === undefined && countEvents(state, 'drift') === 2);
      await assert.rejects(migration.restartOnSchemaChange({ dropTarget: true }), /no change/);

      await query(databases.source, 'ALTER TABLE public.language ADD COLUMN remark text');
      await untilState(migration, ({ drift, paused }) => drift !== undefined && paused !== undefined);
      await migration.restartOnSchemaChange({ dropTarget: true, full: true });
      await untilState(
        migration,
        (state) => state.stage === 'monitor' && countEvents(state, 'restarted') === 1,
      );
      await writer.stop();
      await migration.stop({ now: true });
      const done = await untilCompleted(migration);
      assert.equal(done.drift, undefined);
      await assertEqualDatabases(databases);
      await query(databases.target, 'SELECT remark FROM public.language LIMIT 1');
      await assertNothingLeft(databases);
    } finally {
      await writer.stop();
    }
  });

  it('undoes a cutover whose lanes do not stand in time, and goes on as it was planned before', async () => {
    const databases = await createDatabases(world, 'undone');
    const oracle = await createOracle({ source: databases.source });
    const writer = startWriter({ connection: databases.source, rate: 200 });
    try {
      const migration = await startInMonitor('undone', databases, { at: '2100-01-01T00:00:00Z' });
      await query(databases.target, SLOW_MARKER_SQL);
      await migration.cutover({ maxPause: '1s' });
      const undone = await untilState(
        migration,
        ({ cutover, lanes, stage }) =>
          cutover !== undefined && stage === 'monitor' && lanes[0]?.status === 'applying',
      );
      assert.equal(undone.cutover?.outcome, 'undone');
      assert.equal(undone.stop?.at, '2100-01-01T00:00:00Z');
      await untilWritten(databases.source, 50);
      await migration.stop({ now: true, then: 'finish' });
      const done = await untilCompleted(migration);
      await writer.stop();
      await assertExactAt(oracle, databases, markerOf(done));
      await assertNothingLeft(databases);
    } finally {
      await writer.stop();
      await oracle.drop();
    }
  });
});

/** The apply worker stays in the marker's transaction for much longer than the cutover waits. */
const SLOW_MARKER_SQL = `
  CREATE FUNCTION pgtrek.slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(4); RETURN NEW; END';
  CREATE TRIGGER slow BEFORE INSERT ON pgtrek.pgtrek_undone_1
    FOR EACH ROW WHEN (NEW.kind = 'marker') EXECUTE FUNCTION pgtrek.slow();
  ALTER TABLE pgtrek.pgtrek_undone_1 ENABLE REPLICA TRIGGER slow`;

function hasPaused({ events }: MigrationState): boolean {
  return events.some(({ kind, text }) => kind === 'paused' && text.startsWith('every lane stands'));
}

async function countRows(database: Databases['source']): Promise<number> {
  const [row] = await query<{ n: number }>(database, 'SELECT count(*)::int AS n FROM public.rental');
  return row?.n ?? 0;
}

/** Until the writer has added so many rentals. */
async function untilWritten(source: Databases['source'], rows: number): Promise<void> {
  const before = await countRows(source);
  const written = await waitUntil(async () => (await countRows(source)) >= before + rows, {
    deadlineMs: 30_000,
  });
  assert.ok(written, 'the writer writes');
}
