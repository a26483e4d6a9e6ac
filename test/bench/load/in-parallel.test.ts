import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inParallel } from '../../../bench/load/in-parallel.js';

describe('jobs in parallel', () => {
  it('are begun in their order, as many at a time as may be', async () => {
    const begun: number[] = [];
    let running = 0;
    let most = 0;
    await inParallel([30, 5, 5, 5], {
      limit: 2,
      run: async (ms) => {
        begun.push(ms);
        most = Math.max(most, ++running);
        await sleep(ms);
        running--;
      },
    });
    assert.deepEqual(begun, [30, 5, 5, 5]);
    assert.equal(most, 2);
  });

  it('are not begun any more once one has failed', async () => {
    const begun: number[] = [];
    const run = async (job: number) => {
      begun.push(job);
      if (job === 1) throw new Error('job 1 failed');
      await sleep(10);
    };
    await assert.rejects(inParallel([1, 2, 3, 4], { limit: 2, run }), /job 1 failed/);
    assert.deepEqual(begun, [1, 2]);
  });
});
