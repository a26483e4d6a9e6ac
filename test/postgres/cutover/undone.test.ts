import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import type { CutOver } from '../../../contract/activities.js';
import { waitUntil } from '../../../dev/wait-until.js';
import { cutOver } from '../../../postgres/cutover/cut-over.js';
import type { Pair } from '../pair.js';
import { openFenced, recordHooks, startFencedPair } from './fenced.js';
import type { Fenced } from './fenced.js';

describe('a cutover is undone, and writers go on', () => {
  let pair: Pair;
  let fenced: Fenced;
  before(async () => {
    pair = await startFencedPair();
    fenced = await openFenced(pair);
  });
  after(() => pair.remove());

  function assertUndone(result: CutOver, reason: RegExp): void {
    assert.equal(result.outcome, 'undone', JSON.stringify(result));
    assert.match(result.outcome === 'undone' ? result.reasons.join() : '', reason);
  }

  it('when a transaction holds a table for too long, with its name', async () => {
    await fenced.asApp(async (client) => {
      await client.query('BEGIN; UPDATE public.t SET note = note');
      const result = await fenced.attempt({ maxPause: '1s' });
      await client.query('COMMIT');
      assertUndone(result, /pid \d+ of app \(shop\)|waited longer than 1s/);
    });
    await fenced.assertGoesOn();
  });

  it('when a prepared transaction stands in the way', async () => {
    await fenced.asApp((client) =>
      client.query(`BEGIN; INSERT INTO public.t (note) VALUES ('prepared'); PREPARE TRANSACTION 'later'`),
    );
    // All three tries, whose last tells who stands in the way.
    const result = await fenced.attempt({ maxPause: '30s' });
    // Whatever came of it, the tests that follow must not wait for it.
    await fenced.run('source', `COMMIT PREPARED 'later'`);
    assertUndone(result, /prepared transaction/);
    await fenced.assertGoesOn();
  });

  it('when one that touches none of the tables is prepared', async () => {
    await fenced.asApp((client) => client.query(`BEGIN; SELECT lo_create(0); PREPARE TRANSACTION 'aside'`));
    const result = await fenced.attempt();
    await fenced.run('source', `ROLLBACK PREPARED 'aside'`);
    assertUndone(result, /prepared transaction aside/);
    await fenced.assertGoesOn();
  });

  it('when the lanes do not stop in time', async () => {
    const { host, port, database, user, password } = fenced.job.servers.target;
    const holder = new pg.Client({ host, port, database, user, ...(password ? { password } : {}) });
    await holder.connect();
    await holder.query('BEGIN; LOCK TABLE public.t IN ACCESS EXCLUSIVE MODE');
    await fenced.asApp((client) => client.query(`INSERT INTO public.t (note) VALUES ('held up')`));
    const result = await fenced.attempt({ maxPause: '700ms' });
    await holder.query('COMMIT');
    await holder.end();
    assertUndone(result, /waited longer than 700ms/);
    await fenced.assertGoesOn();
  });

  it('when the schema is no longer the one that was dumped, or changes inside the fence', async () => {
    await fenced.run('source', 'ALTER TABLE t ADD added int');
    const added = await fenced.attempt();
    await fenced.run('source', 'ALTER TABLE t DROP added');
    assertUndone(added, /no longer the one that was dumped: .*added/);
    const observer = async (moment: string, tag: string) => {
      if (moment === 'before' && tag === 'commit-marker')
        await fenced.run('source', 'CREATE TABLE aside AS SELECT 1 AS one');
    };
    const result = await fenced.attempt({}, { servers: { ...fenced.job.servers, observer } });
    assertUndone(result, /no longer the one that was dumped: .*aside/);
    await fenced.run('source', 'DROP TABLE aside');
    await fenced.assertGoesOn();
  });

  it('when a hook fails before the fence, and calls its undo', async () => {
    const { moments, hooks } = recordHooks();
    const { cutover } = fenced.job.spec;
    const hook = { http: { url: 'http://127.0.0.1/', timeout: '1s', retries: 0 } };
    const spec = { ...fenced.job.spec, cutover: { ...cutover, hooks: [hook] } };
    const failing: typeof hooks = async (moment, signal) =>
      (await hooks(moment, signal)).map((result) => ({
        ...result,
        ok: moment !== 'before',
        text: 'refused',
      }));
    const result = await fenced.attempt({ hooks: failing }, { spec });
    assertUndone(result, /hook 1 \(http\) failed: refused/);
    assert.deepEqual(moments, ['before', 'undo']);
    assert.deepEqual(
      result.fence?.hooks.map(({ moment }) => moment),
      ['before', 'undo'],
    );
    await fenced.assertGoesOn();
  });

  it('when it is cancelled in the middle', async () => {
    const cancel = new AbortController();
    const observer = (moment: string, tag: string) => {
      if (moment === 'after' && tag === 'commit-marker') cancel.abort();
    };
    const servers = { ...fenced.job.servers, observer };
    assertUndone(await fenced.attempt({}, { servers, signal: cancel.signal }), /cancelled/);
    await fenced.assertGoesOn();
  });

  it('when its fence is dropped by the server before the decision', async () => {
    const observer = async (moment: string, tag: string) => {
      if (moment !== 'before' || tag !== 'decide') return;
      const ended = () =>
        fenced.run(
          'source',
          `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE mode = 'ExclusiveLock' AND relation = 't'::regclass`,
        );
      // Until it is gone, its locks with it.
      await waitUntil(async () => (await ended()).length === 0, { deadlineMs: 5_000 });
    };
    assertUndone(
      await fenced.attempt({}, { servers: { ...fenced.job.servers, observer } }),
      /fence was lost before the decision/,
    );
    await fenced.assertGoesOn();
  });

  it('when another attempt with its marker takes over, which then undoes it', async () => {
    const { job, asked } = fenced;
    const marker = fenced.marker(1000);
    let second: Promise<CutOver> | undefined;
    const observer = async (moment: string, tag: string) => {
      if (moment !== 'before' || tag !== 'close-database' || second) return;
      second = cutOver(job, { ...asked(0), marker });
      // Until the other one leads, this one does nothing.
      await waitUntil(async () => (await countLeaders(fenced)) === 0, { deadlineMs: 5_000 });
    };
    const servers = { ...job.servers, observer };
    const first = cutOver({ ...job, servers }, { ...asked(0), marker });
    const [one] = await Promise.allSettled([first]);
    assert.ok(one.status === 'rejected' || one.value.outcome === 'undone', JSON.stringify(one));
    assert.ok(second);
    assertUndone(await second, /former attempt/);
    await fenced.assertGoesOn();
  });

  it('and a later attempt works', async () => {
    const result = await fenced.attempt();
    assert.equal(result.outcome, 'done', JSON.stringify(result));
    await fenced.assertDone();
  });
});

/** Sessions of the first attempt that hold the fence. */
async function countLeaders({ run }: Fenced): Promise<number> {
  const rows = await run(
    'source',
    `SELECT FROM pg_locks WHERE mode = 'ExclusiveLock' AND relation = 't'::regclass`,
  );
  return rows.length;
}
