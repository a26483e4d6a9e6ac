import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import pg from 'pg';
import type { MarkerPlan } from '../../../contract/activities.js';
import type { LaneName, Lsn } from '../../../contract/names.js';
import { laneName } from '../../../contract/names.js';
import { waitUntil } from '../../../dev/wait-until.js';
import { removeObjects } from '../../../postgres/cleanup/remove-objects.js';
import { withSource, withTarget } from '../../../postgres/job.js';
import { disarmChanges } from '../../../postgres/lane/ddl-stop.js';
import { createDdlTrigger } from '../../../postgres/lane/ddl-trigger.js';
import { createJournal, journalTable } from '../../../postgres/lane/journal.js';
import { resumeLanes } from '../../../postgres/lane/resume.js';
import { readStanding } from '../../../postgres/lane/standing.js';
import { subscribeLane } from '../../../postgres/lane/subscription.js';
import { watchLanes } from '../../../postgres/monitor/watch-lanes.js';
import { confirmStopped } from '../../../postgres/stop/confirm-stopped.js';
import { commitMarker } from '../../../postgres/stop/marker.js';
import { leftOn } from '../../harness/leaks.js';
import { startLoading } from '../load/loading.js';
import type { Loading } from '../load/loading.js';
import { startPair } from '../pair.js';
import type { Databases, Pair } from '../pair.js';

const SQL = `
  CREATE TABLE t (id serial PRIMARY KEY, note text);
  CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM t`;

describe('a lane stops right at a change of the schema', () => {
  let pair: Pair;
  let loading: Loading | undefined;
  before(async () => {
    pair = await startPair({
      source: { major: 15, settings: { wal_level: 'logical' } },
      target: { major: 18 },
    });
    await pair.newDatabases().then(({ run }) => run('source', `CREATE ROLE app LOGIN PASSWORD 'app'`));
  });
  afterEach(async () => {
    if (!loading) return;
    const { job, end } = loading;
    loading = undefined;
    assert.deepEqual((await removeObjects(job, false)).leftovers, []);
    await end();
  });
  after(() => pair.remove());

  /** Without a subscription. */
  async function start(): Promise<Loading & { run: Databases['run'] }> {
    const begun = await startLoading(pair, { sql: SQL, spec: { mode: 'full-load-and-cdc' } });
    loading = begun;
    return { ...begun, run: begun.databases.run };
  }

  async function stream() {
    const begun = await start();
    const { job, lane, run, copyAll } = begun;
    for (const [slot, plugin] of [
      [lane, 'pgoutput'],
      [`oracle_${job.owner.slice(-6).replaceAll(/\W/g, '_')}`, 'test_decoding'],
    ])
      await run('source', `SELECT pg_create_logical_replication_slot('${slot}', '${plugin}')`);
    await copyAll();
    await subscribeLane(job, lane);
    const standing = () => withTarget(job, 'test', (target) => readStanding(target, lane));
    return {
      ...begun,
      write: (note: string) => run('source', `INSERT INTO t (note) VALUES ('${note}')`),
      notes: async () => (await run('target', 'SELECT note FROM t ORDER BY id')).map(({ note }) => note),
      untilChange: () => until(async () => typeof (await standing())?.change === 'string'),
      untilApplied: (note: string) =>
        until(async () => (await run('target', `SELECT FROM t WHERE note = '${note}'`)).length > 0),
      watch: (how: { seconds: number; knownDrift?: string; paused?: boolean }) =>
        watchLanes(job, {
          lanes: [lane],
          retired: [],
          standing: false,
          every: 50,
          onFigures: () => undefined,
          ...how,
        }),
    };
  }

  it('with all that committed up to the change’s transaction, and nothing after it', async () => {
    const { databases, lane, run, untilChange } = await stream();
    let writing = true;
    const writer = withClient(databases, async (client) => {
      while (writing) await client.query(`INSERT INTO t (note) VALUES ('written')`);
    });
    await run('source', `INSERT INTO t (note) VALUES ('first')`);
    await run(
      'source',
      `BEGIN; INSERT INTO t (note) SELECT 'before' FROM generate_series(1, 500); CREATE INDEX t_note ON t (note);
       ALTER INDEX t_note RENAME TO by_note; INSERT INTO t (note) VALUES ('after'); COMMIT`,
    );
    await run('source', `INSERT INTO t (note) SELECT 'later' FROM generate_series(1, 50)`);
    await untilChange();
    writing = false;
    await writer;
    const lines = await run(
      'source',
      `SELECT data FROM pg_logical_slot_peek_changes((SELECT slot_name FROM pg_replication_slots WHERE plugin = 'test_decoding' AND database = current_database()), NULL, NULL)`,
    );
    const changes = lines.map(({ data }) => String(data));
    const ddl = changes.findIndex((line) => line.startsWith(`table pgtrek.${lane}: INSERT`));
    const commit = changes.findIndex((line, n) => n > ddl && line.startsWith('COMMIT'));
    assert.ok(ddl > 0 && commit > ddl);
    assert.ok(changes.slice(commit).some((line) => line.startsWith('table public.t: INSERT')));
    const expected = changes
      .slice(0, commit)
      .flatMap((line) => /^table public\.t: INSERT: id\[integer\]:(\d+)/.exec(line)?.[1] ?? []);
    const applied = await run('target', 'SELECT id::text FROM t');
    assert.deepEqual(applied.map(({ id }) => id).sort(), expected.sort());
    assert.ok(expected.length > 500);
    await dropOracle(databases);
  });

  it('and goes on by itself where that is no drift, or one that is known', async () => {
    const { databases, run, write, notes, untilChange, untilApplied, watch, job, lane } = await stream();
    await run('source', 'CREATE INDEX t_note ON t (note)');
    await write('one');
    await untilChange();
    assert.deepEqual(await notes(), []);
    const { drift } = await watch({ seconds: 60 });
    assert.equal(drift?.changes[0]?.kind, 'index-added', 'returns at once, with the drift');
    assert.deepEqual(await notes(), [], 'and the lane stands');
    await watch({ seconds: 0, paused: true, knownDrift: drift.digest });
    assert.deepEqual(await notes(), [], 'a pause lets it stand');
    await watch({ seconds: 0, knownDrift: drift.digest });
    await untilApplied('one');
    await run('source', 'DROP INDEX t_note');
    await write('two');
    await untilChange();
    assert.equal((await watch({ seconds: 60, knownDrift: drift.digest })).drift, undefined);
    await watch({ seconds: 0 });
    await untilApplied('two');
    await run('source', 'CREATE TABLE other ()');
    await write('three');
    await untilChange();
    await withTarget(job, 'test', (target) => disarmChanges(target, job.owner));
    await untilApplied('three');
    await run('source', 'DROP TABLE other');
    await write('four');
    await untilApplied('four');
    const armed = await run('target', `SELECT nonce FROM pgtrek.armed WHERE lane = '${lane}'`);
    assert.deepEqual(armed, [], 'disarmed, it stops no more');
    await dropOracle(databases);
  });

  it('on its way to a marker: a pause stands there, a stop goes on to the marker', async () => {
    const { databases, job, lane, run, write, notes, untilChange, untilApplied } = await stream();
    const markerOf = (n: number): MarkerPlan => ({
      marker: `${job.owner}:${n}`,
      nonce: `nonce ${n}`,
      plan: { kind: 'now', then: 'wait' },
      lanes: [lane],
    });
    const confirm = (marker: MarkerPlan, standAtChange: boolean) =>
      confirmStopped(job, { marker, lsn: '0/1' as Lsn, standAtChange, onFigures: () => undefined });
    await run('source', 'CREATE INDEX t_note ON t (note)');
    await untilChange();
    await write('one');
    await commitMarker(job, markerOf(1), () => undefined);
    await write('two');
    assert.deepEqual((await confirm(markerOf(1), true)).atChange, [lane]);
    assert.deepEqual(await notes(), []);
    assert.deepEqual(await resumeLanes(job, markerOf(1)), { applying: true });
    await untilApplied('two');

    await run('source', 'DROP INDEX t_note');
    await write('three');
    await run('source', 'CREATE INDEX t_note ON t (note)');
    await write('four');
    await commitMarker(job, markerOf(2), () => undefined);
    await run('source', 'DROP INDEX t_note');
    await write('five');
    assert.equal((await confirm(markerOf(2), false)).atChange, undefined);
    assert.deepEqual(await notes(), ['one', 'two', 'three', 'four']);
    assert.deepEqual(await resumeLanes(job, markerOf(2)), { applying: true });
    await untilChange();
    assert.deepEqual(await resumeLanes(job, markerOf(2)), { applying: true });
    assert.deepEqual(
      await notes(),
      ['one', 'two', 'three', 'four'],
      'the change after the marker is another',
    );
    await dropOracle(databases);
  });

  describe('whose event trigger on the source', () => {
    const noted = async ({ lane, run }: { lane: LaneName; run: Databases['run'] }) =>
      (await run('source', `SELECT payload->>'tag' AS tag FROM ${journalTable(lane)} ORDER BY at`)).map(
        ({ tag }) => tag,
      );

    it('notes a change once for each lane, and what is none not at all', async () => {
      const { job, lane, run, end } = await start();
      // CONCURRENTLY waits for every snapshot.
      await end();
      const second = laneName(job.name, 2);
      await withSource(job, 'test', (source) => createJournal(source, second, job.owner));
      await withSource(job, 'test', (source) => source.query('CREATE TABLE public.by_us ()'));
      await run(
        'source',
        `CREATE TEMP TABLE x (id serial PRIMARY KEY, t text DEFAULT 'x'); CREATE INDEX ON x (t); CREATE TEMP VIEW y AS SELECT 1;
         CREATE TRIGGER z BEFORE UPDATE ON x FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
         DROP VIEW y; ALTER TABLE x DROP t; DROP TABLE x; SELECT 1 AS a INTO TEMP z; COMMENT ON TABLE t IS 'said';
         REFRESH MATERIALIZED VIEW counted; CREATE PUBLICATION mine; DROP PUBLICATION mine;
         CREATE TABLE pgtrek.ours (id serial PRIMARY KEY); DROP TABLE pgtrek.ours`,
      );
      await run('source', 'REINDEX TABLE t');
      assert.deepEqual(await noted({ lane, run }), []);
      await run('source', 'BEGIN; ALTER TABLE t ADD a int; DROP TABLE by_us; COMMIT');
      await run('source', 'DROP MATERIALIZED VIEW counted');
      await run('source', 'CREATE INDEX CONCURRENTLY t_note ON t (note)');
      await run('source', 'GRANT SELECT ON t TO app');
      const tags = ['ALTER TABLE', 'DROP MATERIALIZED VIEW', 'CREATE INDEX', 'GRANT'];
      assert.deepEqual(await noted({ lane, run }), tags);
      assert.deepEqual(await noted({ lane: second, run }), tags);
    });

    it('never fails or holds up the application', async () => {
      const { job, lane, run, databases } = await start();
      await run('source', 'CREATE SCHEMA own AUTHORIZATION app');
      const asApp = (sql: string) => withClient(databases, (client) => client.query(sql), 'app');
      await asApp('CREATE TABLE own.a ()');
      assert.deepEqual(
        await noted({ lane, run }),
        ['CREATE SCHEMA', 'CREATE TABLE'],
        'its role has no right to the journal',
      );
      await withClient(databases, async (holder) => {
        await holder.query(`BEGIN; LOCK TABLE ${journalTable(lane)}`);
        const begun = Date.now();
        await asApp('CREATE TABLE own.b ()');
        assert.ok(Date.now() - begun < 3_000);
      });
      await run('source', `ALTER TABLE ${journalTable(lane)} RENAME payload TO load`);
      await asApp('CREATE TABLE own.c (); DROP TABLE own.a');
      await withSource(job, 'test', (source) => source.query(`DROP TABLE ${journalTable(lane)} CASCADE`));
      await asApp('DROP TABLE own.b, own.c');
    });

    it('is made once, goes with the migration, and is no drift', async () => {
      const { job, databases, lane } = await start();
      await withSource(job, 'test', (source) => createDdlTrigger(job, source));
      const { drift } = await watchLanes(job, {
        lanes: [],
        retired: [],
        standing: false,
        seconds: 0,
        every: 50,
        onFigures: () => undefined,
      });
      assert.equal(drift, undefined);
      const left = () => leftOn(connectionOf(databases));
      assert.ok((await left()).includes(`event trigger ${lane.replace(/_1$/, '_ddl_ddl')}`));
      await removeObjects(job, false);
      assert.deepEqual(await left(), []);
    });

    it('is not made where the role may not, without an error', async () => {
      const { job, databases, run } = await start();
      await removeObjects(job, false);
      await run('source', `GRANT CREATE ON DATABASE ${databases.name} TO app`);
      const source = { ...job.servers.source, user: 'app', password: 'app' };
      const plain = { ...job, servers: { ...job.servers, source } };
      await withSource(plain, 'test', (session) => createDdlTrigger(plain, session));
      assert.deepEqual(await run('source', 'SELECT evtname FROM pg_event_trigger'), []);
    });
  });
});

function connectionOf({ servers }: Databases, user?: string): pg.ClientConfig {
  const { host, port, database, password } = servers.source;
  return {
    host,
    port,
    database,
    user: user ?? servers.source.user,
    password: user ?? (typeof password === 'string' ? password : undefined),
  };
}

async function withClient(
  databases: Databases,
  work: (client: pg.Client) => Promise<unknown>,
  user?: string,
): Promise<void> {
  const client = new pg.Client(connectionOf(databases, user));
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

/** A slot of its own would outlive the database's other slots. */
async function dropOracle({ run }: Databases): Promise<void> {
  await run(
    'source',
    `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
     WHERE plugin = 'test_decoding' AND database = current_database()`,
  );
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  assert.ok(await waitUntil(condition, { deadlineMs: 20_000 }), 'in time');
}
