import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cutBatches } from '../../../postgres/load/plan-load.js';

const MB = 1024 * 1024;
const table = (id: number, bytes: number) => ({
  id,
  qualified: `public.t${String(id)}`,
  bytes: String(bytes),
});

describe('batches', () => {
  it('hold a big table alone and small ones together, in order', () => {
    const batches = cutBatches([table(1, 100 * MB), table(2, 20 * MB), table(3, 10 * MB), table(4, 5 * MB)]);
    assert.deepEqual(
      batches.map(({ tables }) => tables),
      [[1], [2, 3], [4]],
    );
    assert.equal(batches[1]?.label, 'public.t2 and 1 more');
    assert.equal(batches[1]?.bytes, String(30 * MB));
  });

  it('are few for ten thousand tiny tables', () => {
    const batches = cutBatches(Array.from({ length: 10_000 }, (_, id) => table(id, 8192)));
    assert.equal(batches.length, 100);
    assert.equal(batches.flatMap(({ tables }) => tables).length, 10_000);
  });

  it('are none for no tables', () => assert.deepEqual(cutBatches([]), []));
});
