import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Fix } from '../../../contract/findings.js';
import { waitUntil } from '../../../dev/wait-until.js';
import { readFixes } from '../../../postgres/fixes/record.js';
import { runFixes } from '../../../postgres/fixes/run-fix.js';
import { undoFix } from '../../../postgres/fixes/undo-fix.js';
import { findOrphans, removeOrphan } from '../../../postgres/orphans.js';
import { withSession } from '../../../postgres/session.js';
import type { Session } from '../../../postgres/session.js';
import { assertFinding, findingsOf, startPair } from '../pair.js';
import type { Databases, Pair } from '../pair.js';

const ASKED = { migration: 'orders', by: 'a test' };
const IDENTITY: Fix = {
  on: 'source',
  statements: ['ALTER TABLE public.bare REPLICA IDENTITY FULL;'],
  undo: ['ALTER TABLE public.bare REPLICA IDENTITY DEFAULT;'],
};
const SYSTEM: Fix = {
  on: 'source',
  statements: ["ALTER SYSTEM SET work_mem = '5MB';", 'SELECT pg_reload_conf();'],
  undo: ['ALTER SYSTEM RESET work_mem;', 'SELECT pg_reload_conf();'],
};

describe('fixes', () => {
  let pair: Pair;
  let databases: Databases;
  before(async () => {
    pair = await startPair({ source: { major: 15 }, target: { major: 15 } });
  });
  after(() => pair.remove());
  beforeEach(async () => {
    databases = await pair.newDatabases();
    await databases.run('source', 'CREATE TABLE bare (id int)');
  });

  const onSource = <T>(work: (source: Session) => Promise<T>) =>
    withSession(databases.servers.source, { purpose: 'test' }, work);
  const undoAll = () =>
    onSource(async (home) => {
      const notes = [];
      for (const fix of await readFixes(home))
        notes.push(...(await undoFix({ home, target: undefined }, fix)));
      return notes;
    });

  async function look(): Promise<{ identity: unknown; records: number; workMem: unknown }> {
    const [table] = await databases.run(
      'source',
      `SELECT relreplident AS kind FROM pg_class WHERE oid = to_regclass('public.bare')`,
    );
    const [memory] = await databases.run(
      'source',
      `SELECT coalesce(max(setting), '') AS set FROM pg_file_settings WHERE name = 'work_mem'`,
    );
    return {
      identity: table?.kind,
      records: (await onSource((source) => readFixes(source))).length,
      workMem: memory?.set,
    };
  }

  it('are run with their record, mend what was found, are no leftovers, and are taken back', async () => {
    const validate = () => databases.validate({ spec: { name: 'orders' } });
    const [found] = findingsOf(await validate(), 'source.replica_identity');
    assert.deepEqual(found?.fix, IDENTITY);
    const outcomes = await onSource((source) => runFixes(source, [IDENTITY, SYSTEM], ASKED));
    assert.deepEqual(
      outcomes.map(({ failed }) => failed),
      [undefined, undefined],
    );
    assert.deepEqual(await look(), { identity: 'f', records: 2, workMem: '5MB' });
    const [row] = await databases.run('source', 'SELECT bool_and(is_done) AS done FROM pgtrek.fix');
    assert.equal(row?.done, true);
    const findings = await validate();
    assertFinding(findings, { id: 'source.replica_identity', verdict: 'ok' });
    assertFinding(findings, { id: 'leftovers', scope: 'source', verdict: 'ok' });
    assert.deepEqual(findingsOf(findings, 'source.schema_pgtrek'), []);

    assert.deepEqual(await undoAll(), []);
    assert.deepEqual(await look(), { identity: 'd', records: 0, workMem: '' });
  });

  it('that fail are told, and the others run; nothing is left where none was run', async () => {
    const broken: Fix = { on: 'source', statements: ['ALTER TABLE public.gone REPLICA IDENTITY FULL;'] };
    const [failed, done] = await onSource((source) => runFixes(source, [broken, IDENTITY], ASKED));
    assert.match(failed?.failed ?? '', /relation "public\.gone" does not exist/);
    assert.equal(done?.failed, undefined);
    assert.deepEqual(await look(), { identity: 'f', records: 1, workMem: '' });
    await undoAll();
    await onSource((source) => runFixes(source, [broken], ASKED));
    assert.deepEqual(
      await databases.run('source', `SELECT 1 FROM pg_namespace WHERE nspname = 'pgtrek'`),
      [],
    );
  });

  it('wait for a lock in turns, so that nobody waits behind them for long', async () => {
    await withSession(databases.servers.source, { purpose: 'test' }, async (other) => {
      await other.query('BEGIN');
      await other.query('SELECT FROM public.bare');
      const running = onSource((source) => runFixes(source, [IDENTITY], ASKED));
      // Gone once and there again: the first try was given up.
      const waits = (wanted: boolean) =>
        waitUntil(
          async () => {
            const rows = await databases.run(
              'source',
              `SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'public.bare'::regclass`,
            );
            return rows.length > 0 === wanted;
          },
          { deadlineMs: 15_000 },
        );
      for (const wanted of [true, false, true]) assert.ok(await waits(wanted));
      await other.query('COMMIT');
      assert.deepEqual(await running, [{ fix: IDENTITY }]);
    });
    await undoAll();
  });

  it('killed between statement and record: both or none; outside of a transaction the record comes first', async () => {
    await runUntilKilled(IDENTITY, 'after run-fix');
    assert.deepEqual(await look(), { identity: 'd', records: 0, workMem: '' });
    await runUntilKilled(SYSTEM, 'after run-fix');
    assert.deepEqual(await look(), { identity: 'd', records: 1, workMem: '5MB' });
    await undoAll();
    assert.deepEqual(await look(), { identity: 'd', records: 0, workMem: '' });
  });

  it('leave alone what was changed since, what is published, and what is gone', async () => {
    const fix = () => onSource((source) => runFixes(source, [IDENTITY], ASKED));
    await fix();
    await databases.run('source', 'ALTER TABLE bare REPLICA IDENTITY NOTHING');
    assert.deepEqual(await undoAll(), []);
    assert.equal((await look()).identity, 'n');

    await fix();
    await databases.run('source', 'CREATE PUBLICATION theirs FOR TABLE bare');
    const [note] = await undoAll();
    assert.match(note ?? '', /public\.bare on the source stays .*publication theirs needs it\. Later: ALTER/);
    assert.deepEqual(await look(), { identity: 'f', records: 0, workMem: '' });
    await databases.run('source', 'DROP PUBLICATION theirs');

    await fix();
    await databases.run('source', 'DROP TABLE bare');
    assert.deepEqual(await undoAll(), []);
    assert.equal((await look()).records, 0);
  });

  it('of a migration that runs are no orphans; others are shown, and taken back', async () => {
    await onSource((source) => runFixes(source, [IDENTITY], ASKED));
    const find = (running: string[]) =>
      findOrphans({
        servers: databases.servers,
        isLive: () => Promise.resolve(false),
        isRunning: (name) => Promise.resolve(running.includes(name)),
      });
    assert.deepEqual(await find(['orders']), []);
    const orphans = await find(['others']);
    assert.deepEqual(
      orphans.map(({ end, kind, remove }) => `${end} ${kind}: ${remove}`),
      ['source fix: ALTER TABLE public.bare REPLICA IDENTITY DEFAULT; DELETE FROM pgtrek.fix WHERE id = 1;'],
    );
    for (const orphan of orphans) await removeOrphan(databases.servers, orphan);
    assert.deepEqual(await look(), { identity: 'd', records: 0, workMem: '' });
    assert.deepEqual(await find([]), []);
    assert.deepEqual(
      await databases.run('source', `SELECT 1 FROM pg_namespace WHERE nspname = 'pgtrek'`),
      [],
    );
  });

  async function runUntilKilled(fix: Fix, fault: string): Promise<void> {
    const program = fileURLToPath(new URL('./programs/run-fix.ts', import.meta.url));
    const args = ['--import', 'tsx', program, JSON.stringify(databases.servers.source), JSON.stringify(fix)];
    const child = spawn(process.execPath, [...args, fault], { stdio: ['ignore', 'inherit', 'inherit'] });
    const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
    assert.equal(signal, 'SIGKILL');
    await waitUntil(
      async () => {
        const rows = await databases.run(
          'source',
          `SELECT 1 FROM pg_stat_activity WHERE application_name = 'test' AND datname = current_database()`,
        );
        return rows.length === 0;
      },
      { deadlineMs: 15_000 },
    );
  }
});
