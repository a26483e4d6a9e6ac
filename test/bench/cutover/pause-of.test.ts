import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { longestGap, pauseOf } from '../../../bench/cutover/pause-of.js';
import type { Attempt } from '../../../bench/cutover/pause-of.js';

const attempt = (
  end: Attempt['end'],
  begun: number,
  ended: number,
  outcome: Attempt['outcome'],
): Attempt => ({
  end,
  begun,
  ended,
  outcome,
});

describe('the pause', () => {
  it('is from the first write that the old primary never took to the first commit on the new one', () => {
    const attempts = [
      attempt('source', 0, 10, 'committed'),
      attempt('source', 5, 100, 'cancelled'),
      // Held up, and let through.
      attempt('source', 20, 110, 'committed'),
      attempt('source', 30, 300, 'refused'),
      attempt('source', 101, 310, 'refused'),
      attempt('target', 320, 350, 'committed'),
      attempt('target', 330, 345, 'committed'),
    ];
    assert.equal(pauseOf(attempts, 'target'), 345 - 30);
  });

  it('is none where no write was in between', () => {
    assert.equal(
      pauseOf([attempt('source', 0, 10, 'committed'), attempt('target', 20, 30, 'committed')], 'target'),
      0,
    );
  });

  it('is, where clients know of one address alone, that of the transaction that waited longest', () => {
    const done = [
      { endedAt: 1_000, latencyMs: 5 },
      { endedAt: 1_010, latencyMs: 12 },
      { endedAt: 1_250, latencyMs: 235 },
      { endedAt: 1_252, latencyMs: 246 },
      { endedAt: 1_260, latencyMs: 5 },
    ];
    assert.equal(longestGap(done), 1_250 - (1_252 - 246));
    assert.equal(longestGap([]), 0);
  });
});
