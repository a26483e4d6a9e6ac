import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ratioByRound, summarize } from '../../bench/statistics.js';

describe('a summary', () => {
  it('has the middle of three, and both ends', () => {
    assert.deepEqual(summarize([12, 9, 30]), { median: 12, min: 9, max: 30 });
  });

  it('has the mean of both middle ones of four', () => {
    assert.deepEqual(summarize([4, 1, 3, 2]), { median: 2.5, min: 1, max: 4 });
  });

  it('of one value is that value', () => {
    assert.deepEqual(summarize([7.5]), { median: 7.5, min: 7.5, max: 7.5 });
  });

  it('leaves its argument as it was', () => {
    const values = [3, 1, 2];
    summarize(values);
    assert.deepEqual(values, [3, 1, 2]);
  });

  it('of nothing is an error', () => {
    assert.throws(() => summarize([]), /nothing to summarize/);
  });
});

describe('a ratio', () => {
  it('compares what was measured in the same round', () => {
    // The machine is half as fast in round 2: the medians alone would not show that both sides are equal.
    const values = new Map([
      [1, 10],
      [2, 20],
      [3, 10],
    ]);
    assert.equal(ratioByRound(values, new Map(values)), 1);
  });

  it('is the median of the rounds', () => {
    const baseline = new Map([
      [1, 10],
      [2, 10],
      [3, 10],
    ]);
    const values = new Map([
      [1, 5],
      [2, 40],
      [3, 6],
    ]);
    assert.equal(ratioByRound(values, baseline), 0.6);
  });

  it('is not known without a round in common', () => {
    assert.equal(ratioByRound(new Map([[1, 5]]), new Map([[2, 5]])), undefined);
  });
});
