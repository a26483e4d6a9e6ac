import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cutSets } from '../../../postgres/load/cut-sets.js';

const MB = 1024 * 1024;

describe('sets of tables', () => {
  const cut = (sizes: number[]) =>
    cutSets(sizes.map((size) => ({ bytes: String(size * MB) }))).map((set) =>
      set.map(({ bytes }) => Number(bytes) / MB),
    );

  it('hold a big table alone, and small ones together, in their order', () => {
    assert.deepEqual(cut([500, 32, 20, 12, 11, 22]), [[500], [32], [20, 12], [11], [22]]);
    assert.deepEqual(cut([1, 40, 1]), [[1], [40], [1]]);
    assert.deepEqual(cut([]), []);
  });

  it('hold a hundred tables at most', () => {
    assert.deepEqual(
      cut(Array.from({ length: 250 }, () => 0)).map(({ length }) => length),
      [100, 100, 50],
    );
  });
});
