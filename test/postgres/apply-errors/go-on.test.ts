import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { ApplyFailure } from '../../../postgres/apply-errors/apply-failure.js';
import { goOnApplying } from '../../../postgres/apply-errors/go-on.js';
import type { Lsn } from '../../../contract/names.js';
import { startPair } from '../pair.js';
import type { Pair } from '../pair.js';
import { LANE, openLane } from './lane.js';
import type { Lane } from './lane.js';

const TABLES = `
  CREATE TABLE account (id int PRIMARY KEY, v text);
  CREATE TABLE log (id int PRIMARY KEY, v text)`;

describe('leaving out a transaction', () => {
  let pair: Pair;
  let lane: Lane;
  before(async () => {
    pair = await startPair({
      // Transactions of some kilobytes are streamed.
      source: { major: 18, settings: { logical_decoding_work_mem: '64kB' } },
      target: { major: 15, settings: { wal_retrieve_retry_interval: '200ms' } },
    });
    lane = await openLane(pair, { tables: TABLES });
  });
  after(() => pair.remove());

  /** Ids of the source's rows that the target lacks, and the other way round; rows that differ count on both sides. */
  const differences = async () => {
    const rows = async (end: 'source' | 'target') =>
      (await lane.run(end, `SELECT 'account' AS t, * FROM account UNION ALL SELECT 'log', * FROM log`)).map(
        ({ t, id, v }) => `${String(t)} ${String(id)} ${String(v).slice(0, 20)}`,
      );
    const [there, here] = [await rows('source'), await rows('target')];
    return {
      missing: there.filter((row) => !here.includes(row)),
      extra: here.filter((row) => !there.includes(row)),
    };
  };

  it('leaves out exactly that one, whatever commits before, after and around it', async () => {
    await lane.run('target', `INSERT INTO account VALUES (7, 'local')`);
    const client = async (sql: string) => {
      const opened = new pg.Client(
        pair.source.connection((await lane.run('source', 'SELECT current_database() AS n'))[0]?.n as string),
      );
      await opened.connect();
      await opened.query(sql);
      return opened;
    };
    const small = await client(`BEGIN; INSERT INTO log VALUES (1, 'open across')`);
    const large = await client(
      `BEGIN; INSERT INTO log SELECT g, repeat('x', 200) FROM generate_series(1000, 2000) g`,
    );
    await lane.run('source', `INSERT INTO account VALUES (1, 'before')`);
    await lane.run('source', `INSERT INTO account SELECT g, 'just before' FROM generate_series(10, 19) g`);
    const failing = `BEGIN; INSERT INTO account VALUES (6, 'same'); INSERT INTO account VALUES (7, 'source');
        INSERT INTO account SELECT g, repeat('y', 200) FROM generate_series(100, 1100) g; COMMIT`;
    const error = await lane.error(failing);
    assert.equal(error.key, 'id = 7');
    assert.equal(error.changes, 1003);
    await large.query(`INSERT INTO log VALUES (2, 'late in large'); COMMIT`);
    await lane.run('source', `INSERT INTO account SELECT g, 'just after' FROM generate_series(30, 39) g`);
    await large.end();

    await lane.goOn(error);
    await small.query('COMMIT');
    await small.end();
    await lane.catchUp();
    const { missing, extra } = await differences();
    assert.deepEqual(extra, ['account 7 local']);
    assert.deepEqual(
      missing.map((row) => Number(row.split(' ')[1])),
      [6, 7, ...Array.from({ length: 1001 }, (_, n) => 100 + n)],
    );

    // Repeated by an attempt that did not hear of it: nothing more is left out.
    await lane.goOn(error);
    await lane.run('source', `INSERT INTO account VALUES (8, 'later')`);
    await lane.catchUp();
    assert.equal((await differences()).missing.length, 1003);
  });

  it('goes on after a crash between the two steps, and refuses another transaction than the next', async () => {
    await lane.run('target', `INSERT INTO account VALUES (70, 'local'), (71, 'local')`);
    const first = await lane.error(`INSERT INTO account VALUES (70, 'skipped')`);
    await lane.run('source', `INSERT INTO account VALUES (71, 'second')`);
    await assert.rejects(lane.goOn({ ...first, lsn: next(first.lsn) }), (error) => {
      assert.ok(error instanceof ApplyFailure);
      assert.equal(error.applyError?.lsn, first.lsn);
      return true;
    });
    let died = false;
    const dying = {
      ...lane.job,
      servers: {
        ...lane.job.servers,
        observer: (moment: string, tag: string) => {
          if (moment !== 'before' || tag !== 'release-held' || died) return;
          died = true;
          throw new Error('the worker died');
        },
      },
    };
    const held = { lane: LANE, retired: [], skip: first.lsn };
    await assert.rejects(goOnApplying(dying, held), /the worker died/);
    await lane.run('target', 'DELETE FROM account WHERE id = 71');
    await goOnApplying(lane.job, held);
    await lane.catchUp();
    const { missing } = await differences();
    assert.deepEqual(
      missing.filter((row) => /^account 7[01] /.test(row)),
      ['account 70 skipped'],
    );
  });

  it('counts a transaction that is too big to be looked at whole, and says so', async () => {
    await lane.run('target', `INSERT INTO account VALUES (5040, 'local')`);
    const failure = await lane.failure(
      `INSERT INTO account SELECT g, repeat('x', 1000000) FROM generate_series(5001, 5040) g`,
    );
    assert.equal(failure.applyError, undefined);
    assert.match(
      failure.message,
      /40 changes, up to \S+\) is too big to be tried whole: its first 34 changes can be applied/,
    );
    await lane.run('target', 'DELETE FROM account WHERE id = 5040');
    await lane.goOn();
    await lane.catchUp();
  });
});

function next(lsn: Lsn): Lsn {
  const [high = '', low = ''] = lsn.split('/');
  return `${high}/${(parseInt(low, 16) + 8).toString(16).toUpperCase()}` as Lsn;
}
