import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { waitUntil } from '../../../dev/wait-until.js';
import { subscribeLane } from '../../../postgres/lane/subscription.js';
import { setSequences } from '../../../postgres/stop/set-sequences.js';
import { MOVER } from '../../harness/plain-roles.js';
import { startPair } from '../pair.js';
import type { Pair } from '../pair.js';
import { openBothWays } from './there-and-back.js';
import type { ThereAndBack } from './there-and-back.js';

describe('there and back with roles that are no superusers', () => {
  let pair: Pair;
  let ways: ThereAndBack;
  before(async () => {
    const settings = { wal_level: 'logical' };
    pair = await startPair({ source: { major: 18, settings }, target: { major: 18, settings } });
    const { run } = await pair.newDatabases();
    for (const end of ['source', 'target'] as const)
      await run(
        end,
        `CREATE ROLE mover LOGIN REPLICATION PASSWORD 'mover'; GRANT pg_create_subscription TO mover;
         CREATE ROLE app; GRANT app TO mover`,
      );
    ways = await openBothWays(pair, {
      tables: `CREATE SCHEMA app AUTHORIZATION app; SET ROLE app; CREATE TABLE app.t (id serial PRIMARY KEY, note text)`,
      user: MOVER,
    });
  });
  after(() => pair.remove());

  it('changes flow back onto a read-only database, stop at a marker, and are cleaned up', async () => {
    const { there, back, again, run } = ways;
    const insert = (end: 'source' | 'target', note: string) =>
      run(end, `BEGIN READ WRITE; INSERT INTO app.t (note) VALUES ('${note}'); COMMIT`);
    const notesOn = async (end: 'source' | 'target') =>
      (await run(end, 'SELECT note FROM app.t ORDER BY id')).map(({ note }) => note);
    const until = async (end: 'source' | 'target', notes: string[]) => {
      await waitUntil(async () => (await notesOn(end)).length >= notes.length, { deadlineMs: 20_000 });
      assert.deepEqual(await notesOn(end), notes);
    };

    const first = await ways.prepare(there, 1);
    await subscribeLane(there, first);
    await insert('source', 'one');
    const second = await ways.prepare(back, 2);
    await ways.stop(there, first, second);
    await setSequences(there);
    await ways.forbidWrites('source');
    await insert('target', 'two');
    await subscribeLane(back, second);
    await until('source', ['one', 'two']);
    assert.equal((await ways.watch(back, second)).lanes[0]?.errors.apply, '0');

    await ways.close(there, first);
    const third = await ways.prepare(again, 3);
    await insert('target', 'three');
    await ways.stop(back, second, third);
    await insert('target', 'behind the marker');
    assert.deepEqual(await notesOn('source'), ['one', 'two', 'three']);
    assert.deepEqual(await setSequences(back), { sequences: 1 });
    assert.match((await ways.end()).join(), /of the source stays read-only/);
  });
});
