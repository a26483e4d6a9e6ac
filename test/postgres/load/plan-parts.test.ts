import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MAX_PARTS, countParts, cutByPages, effectiveSplitSize } from '../../../postgres/load/plan-parts.js';

const MB = 1024n ** 2n;
const table = (bytes: bigint) => ({ bytes, pages: Number(bytes / 8192n) });

describe('parts of a table', () => {
  it('are about the split size each', () => {
    assert.equal(countParts(table(256n * MB), 256n * MB), 1);
    assert.equal(countParts(table(257n * MB), 256n * MB), 2);
    assert.equal(countParts(table(1024n * MB), 256n * MB), 4);
  });

  it('are never more than the heap has pages, whatever TOAST holds', () => {
    assert.equal(countParts({ bytes: 1024n * MB, pages: 3 }, MB), 3);
    assert.equal(countParts({ bytes: 1024n * MB, pages: 1 }, MB), 1);
  });

  it('begin and end open, and leave no page out', () => {
    assert.deepEqual(cutByPages(10, 3), [
      `ctid < '(3,0)'::tid`,
      `ctid >= '(3,0)'::tid AND ctid < '(6,0)'::tid`,
      `ctid >= '(6,0)'::tid`,
    ]);
  });

  it('are so many at most over a huge database', () => {
    const tables = [table(60_000_000n * MB), ...Array.from({ length: 900 }, () => table(400n * MB))];
    const size = effectiveSplitSize(tables, 256n * MB);
    const parts = tables.map((each) => countParts(each, size)).filter((count) => count > 1);
    const sum = parts.reduce((total, count) => total + count, 0);
    assert.ok(sum <= MAX_PARTS && sum > MAX_PARTS / 2, String(sum));
    assert.equal(effectiveSplitSize([table(1024n * MB)], 256n * MB), 256n * MB);
  });
});
