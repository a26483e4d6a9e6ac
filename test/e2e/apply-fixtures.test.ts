import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { connect } from '../../client/index.js';
import type { Pgtrek } from '../../client/index.js';
import { describeChange } from '../../contract/schema-change.js';
import { createOracle } from '../../dev/oracle.js';
import { waitUntil } from '../../dev/wait-until.js';
import { readApplyCases, runApplyCases } from '../harness/apply-cases.js';
import { assertEqualDatabases } from '../harness/equal.js';
import { assertNothingLeft } from '../harness/leaks.js';
import { untilCompleted, untilState } from '../harness/migrations.js';
import { specFor } from '../harness/spec.js';
import { assertExactAt, markerOf } from '../harness/steered.js';
import { startWorker } from '../harness/worker.js';
import type { TestWorker } from '../harness/worker.js';
import { createDatabases, openWorld, query } from '../harness/world.js';
import type { Databases, World } from '../harness/world.js';

const QUEUE = 'apply-fixtures';

/** Other majors by hand: PGTREK_FIXTURE_MAJORS=18,15, with a pg_dump of that major in PGTREK_PG_BIN. */
const [sourceMajor, targetMajor] = (process.env.PGTREK_FIXTURE_MAJORS ?? '15,18').split(',').map(Number);
const OLDER = { allowOlderTarget: true };

describe('what a source writes while it is replicated', () => {
  let world: World;
  let worker: TestWorker;
  let client: Pgtrek;

  before(async () => {
    world = await openWorld({
      ...(sourceMajor ? { sourceMajor } : {}),
      ...(targetMajor ? { targetMajor } : {}),
      // So that the large transactions of the cases are streamed.
      sourceSettings: { max_prepared_transactions: '10', logical_decoding_work_mem: '64kB' },
    });
    worker = await startWorker(world, { taskQueue: QUEUE });
    client = await connect({ address: world.temporal.address, taskQueue: QUEUE });
  });
  after(async () => {
    await client.close();
    await worker.stop();
    await world.close();
  });

  it('comes out equal: at the marker without what was written later, and with it in the end', async () => {
    const databases = await createDatabases(world, 'cases', 'template1');
    const cases = await readApplyCases();
    await runApplyCases(databases.source, cases, 'before');
    const oracle = await createOracle(databases);
    try {
      await runApplyCases(databases.source, cases, 'opened');
      const migration = await client.start(
        specFor('cases', databases, {
          taskQueue: QUEUE,
          validate: OLDER,
          cdc: { stop: { never: true }, lanes: 2 },
        }),
      );
      const { blocked } = await untilState(
        migration,
        ({ stage, status }) => stage === 'load' || status === 'blocked',
      );
      assert.equal(blocked, undefined);
      const slotIsMade = () => slotWaits(databases);
      assert.ok(await waitUntil(slotIsMade, { deadlineMs: 30_000 }), 'a slot is being made');
      await runApplyCases(databases.source, cases, 'closed');
      await untilState(migration, ({ stage, status }) => stage === 'monitor' || status === 'blocked');
      await runApplyCases(databases.source, cases, 'during');
      await migration.stop({ now: true, then: 'wait' });
      const stopped = await untilState(
        migration,
        ({ status }) => status === 'stopped' || status === 'blocked',
      );
      await runApplyCases(databases.source, cases, 'stopped');
      const report = await assertExactAt(oracle, databases, markerOf(stopped));
      assert.ok(report.commitsUpToMarker > 50, 'the cases wrote before the marker');
      assert.ok(report.commitsAfterMarker > 10, 'and after it');
      await migration.resume();
      await untilState(migration, ({ lanes }) => lanes.every(({ status }) => status === 'applying'));
      await migration.stop({ now: true, then: 'finish' });
      await untilCompleted(migration);
      await assertEqualDatabases(databases);
      await assertNothingLeft(databases);
    } finally {
      await oracle.drop();
    }
  });

  it('may be nothing: slots of an idle source move on, and a stop is at once', async () => {
    const databases = await createDatabases(world, 'idle');
    const migration = await client.start(
      specFor('idle', databases, {
        taskQueue: QUEUE,
        validate: OLDER,
        cdc: { stop: { never: true }, lanes: 2 },
      }),
    );
    await untilState(migration, ({ stage }) => stage === 'monitor');
    // Written in another database of the server, it is WAL that an idle slot would hold back.
    const written = await writeElsewhere(world);
    const slotsAreAhead = async () => (await slotsBehind(databases, written)).length === 0;
    assert.ok(await waitUntil(slotsAreAhead, { deadlineMs: 30_000 }), 'heartbeats confirm what others wrote');
    await migration.stop({ now: true, then: 'finish' });
    const state = await untilCompleted(migration);
    assert.ok((state.stop?.report?.stoppedAfterMs ?? Infinity) < 5_000, 'the stop was at once');
    await assertEqualDatabases(databases);
    await assertNothingLeft(databases);
  });

  it('is told as drift when a table is made anew under the name of an old one', async () => {
    const databases = await createDatabases(world, 'renamed');
    const migration = await client.start(
      specFor('renamed', databases, { taskQueue: QUEUE, validate: OLDER, cdc: { stop: { never: true } } }),
    );
    await untilState(migration, ({ stage }) => stage === 'monitor');
    await query(
      databases.source,
      `BEGIN;
       ALTER TABLE public.language RENAME TO language_old;
       CREATE TABLE public.language (LIKE public.language_old INCLUDING ALL);
       INSERT INTO public.language SELECT * FROM public.language_old;
       COMMIT`,
    );
    const { drift } = await untilState(migration, (state) => state.drift !== undefined);
    const changes = (drift?.changes ?? []).map(describeChange);
    assert.ok(changes.includes('table public.language was added'), changes.join('; '));
    assert.ok(
      changes.some((text) => text.startsWith('table public.language was renamed')),
      changes.join('; '),
    );
    await migration.abort({ dropTarget: true });
    await migration.result();
    await assertNothingLeft(databases);
  });
});

/** The server makes a slot, and waits for a transaction before it is done. */
async function slotWaits({ source }: Databases): Promise<boolean> {
  const slots = await query(
    source,
    `SELECT FROM pg_replication_slots WHERE slot_name LIKE 'pgtrek%' AND confirmed_flush_lsn IS NULL`,
  );
  return slots.length > 0;
}

/** Returns where the log stands afterwards. */
async function writeElsewhere({ source }: World): Promise<string> {
  const elsewhere = source.connection('postgres');
  await query(elsewhere, 'CREATE TABLE elsewhere AS SELECT md5(n::text) FROM generate_series(1, 100000) n');
  const [row] = await query<{ lsn: string }>(elsewhere, 'SELECT pg_current_wal_lsn()::text AS lsn');
  return row?.lsn ?? '';
}

async function slotsBehind({ source }: Databases, lsn: string): Promise<unknown[]> {
  return query(
    source,
    `SELECT slot_name FROM pg_replication_slots
     WHERE slot_name LIKE 'pgtrek%' AND database = current_database() AND confirmed_flush_lsn < $1::pg_lsn`,
    [lsn],
  );
}
