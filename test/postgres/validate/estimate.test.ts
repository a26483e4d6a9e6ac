import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Estimate } from '../../../contract/findings.js';
import { startPair } from '../pair.js';
import type { Databases, Pair } from '../pair.js';

describe('what each stage will take', () => {
  let pair: Pair;
  let databases: Databases;
  before(async () => {
    pair = await startPair({ source: { major: 15 }, target: { major: 18 } });
    databases = await pair.newDatabases();
    // 80 MB, more than what is worth a measurement, and an index of some size.
    await databases.run(
      'source',
      `CREATE TABLE wide (id int PRIMARY KEY, filler text);
       ALTER TABLE wide ALTER filler SET STORAGE PLAIN;
       INSERT INTO wide SELECT n, repeat('x', 1900) FROM generate_series(1, 40000) n;
       CREATE TABLE narrow (id int PRIMARY KEY);
       ANALYZE`,
    );
  });
  after(() => pair.remove());

  const stagesOf = (estimates: Estimate[]) => estimates.map(({ stage }) => stage);
  const find = (estimates: Estimate[], stage: string): Estimate => {
    const estimate = estimates.find((each) => each.stage === stage);
    assert.ok(estimate, JSON.stringify(estimates));
    return estimate;
  };

  it('rests on how fast the source is read just now, rows and indexes', async () => {
    const estimates = await databases.estimate();
    assert.deepEqual(stagesOf(estimates), ['dump', 'restore', 'load', 'subscribe']);
    const load = find(estimates, 'load');
    assert.match(load.how, /^\d+ MB of rows at about .*by one reader, as read from public\.wide just now/);
    assert.match(load.how, /in 2 indexes at about .*; 2 tables at about /);
    assert.ok(Number(load.bytes) > 70e6 && Number(load.bytes) < 120e6, load.bytes);
    assert.ok(load.seconds >= 1 && load.seconds < 600, String(load.seconds));
    for (const { seconds, how } of estimates) assert.ok(seconds >= 1 && how.length > 0);
  });

  it('is told for the stages of the mode and the method', async () => {
    const dump = await databases.estimate({ spec: { mode: 'full-load', load: { method: 'dump' } } });
    assert.deepEqual(stagesOf(dump), ['dump', 'restore']);
    assert.match(find(dump, 'dump').how, /before compression/);
    const native = await databases.estimate({ spec: { load: { method: 'native' } } });
    assert.match(find(native, 'load').how, /by each of 2 workers of the target/);
    assert.deepEqual(stagesOf(await databases.estimate({ spec: { mode: 'cdc' } })), ['subscribe']);
  });

  it('keeps to the rate of the spec, and reads nothing then', async () => {
    const load = find(await databases.estimate({ spec: { load: { bytesPerSecond: '1MB' } } }), 'load');
    assert.match(load.how, /at about 1 MB\/s \(load\.bytesPerSecond;/);
    assert.ok(load.seconds > 60, String(load.seconds));
  });

  it('counts no rows that stay behind, and measures no small table', async () => {
    const load = find(await databases.estimate({ spec: { select: { excludeData: ['wide'] } } }), 'load');
    assert.ok(Number(load.bytes ?? 0) < 1e6, load.bytes);
    assert.match(load.how, /no table was large enough to measure reading it/);
  });
});
