import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { closeLanes } from '../../../postgres/cutover/close-lanes.js';
import { LANE } from '../apply-errors/lane.js';
import type { Pair } from '../pair.js';
import { openFenced, startFencedPair } from './fenced.js';
import type { Fenced } from './fenced.js';

describe('lanes that are not needed any more', () => {
  let pair: Pair;
  let fenced: Fenced;
  before(async () => {
    pair = await startFencedPair();
    fenced = await openFenced(pair);
  });
  after(() => pair.remove());

  const left = async () => [
    ...(await fenced.run(
      'source',
      `SELECT slot_name::text AS name FROM pg_replication_slots WHERE database = current_database() UNION ALL
       SELECT pubname FROM pg_publication UNION ALL SELECT relname FROM pg_class WHERE relname = '${LANE}'`,
    )),
    ...(await fenced.run(
      'target',
      `SELECT subname::text AS name FROM pg_subscription UNION ALL SELECT relname FROM pg_class WHERE relname = '${LANE}'`,
    )),
  ];

  it('are told where an end cannot be reached', async () => {
    const { job } = fenced;
    const servers = { ...job.servers, source: { ...job.servers.source, port: 1 } };
    const { leftovers } = await closeLanes({ ...job, servers }, [LANE]);
    assert.match(leftovers.join(), /^the source: .*ECONNREFUSED/);
  });

  it('go from both ends, whatever has gone before, and leave their tables', async () => {
    await fenced.run('source', `INSERT INTO t (note) VALUES ('stays')`);
    for (let time = 1; time <= 2; time += 1) {
      assert.deepEqual(await closeLanes(fenced.job, [LANE]), { leftovers: [], notes: [] });
      assert.deepEqual(await left(), []);
    }
    const [lane] = await fenced.run('target', `SELECT status FROM pgtrek.lane WHERE lane = '${LANE}'`);
    assert.equal(lane?.status, 'dropped');
    const carried = await fenced.run(
      'target',
      `SELECT FROM pgtrek.relation WHERE lane = '${LANE}' AND qualified = 'public.t'`,
    );
    assert.equal(carried.length, 1, 'it stays entered for its tables');
    await fenced.run('target', 'SELECT FROM t');
  });
});
