import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setsToCopy } from '../../../postgres/load/plan-load.js';
import type { TableToPlan } from '../../../postgres/load/plan-load.js';

const MB = 1024 * 1024;
const table = (id: number, bytes: number, facts: Partial<TableToPlan> = {}): TableToPlan => ({
  id,
  oid: id,
  qualified: `public.t${String(id)}`,
  bytes: BigInt(bytes),
  pages: bytes / 8192,
  indexBytes: 0n,
  isDone: false,
  parts: [],
  copied: [],
  ...facts,
});
const idsOf = (sets: TableToPlan[][]) => sets.map((set) => set.map(({ id }) => id));

describe('tables that travel together', () => {
  it('are a big one alone and small ones in batches, the most work first', () => {
    const tables = [table(4, 5 * MB), table(2, 20 * MB), table(1, 100 * MB), table(3, 10 * MB)];
    assert.deepEqual(idsOf(setsToCopy(tables)), [[1], [2, 3], [4]]);
  });

  it('are put in order by indexes too, and a split table stays alone', () => {
    const tables = [
      table(1, 30 * MB, { indexBytes: BigInt(900 * MB) }),
      table(2, 600 * MB, { parts: [1, 2] }),
      table(3, 1 * MB),
    ];
    assert.deepEqual(idsOf(setsToCopy(tables)), [[1, 3], [2]]);
  });

  it('are few for ten thousand tiny ones', () => {
    const sets = setsToCopy(Array.from({ length: 10_000 }, (_, id) => table(id, 8192)));
    assert.equal(sets.length, 100);
    assert.equal(sets.flat().length, 10_000);
  });

  it('are some hundred for five thousand that are each above a batch', () => {
    const sets = setsToCopy(Array.from({ length: 5_000 }, (_, id) => table(id, 33 * MB)));
    assert.ok(sets.length <= 600, String(sets.length));
    assert.equal(sets.flat().length, 5_000);
  });

  it('are none for no tables', () => assert.deepEqual(setsToCopy([]), []));
});
