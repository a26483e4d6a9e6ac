import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { groupTables } from '../../../postgres/lane/group-tables.js';
import type { TableToGroup } from '../../../postgres/lane/group-tables.js';

function table(id: number, writes: number, bytes = 0, isPublished = true): TableToGroup {
  return { id, writes: BigInt(writes), bytes: BigInt(bytes), isPublished };
}

describe('the groups of tables', () => {
  it('share the writes, the most first', () => {
    const tables = [table(1, 10), table(2, 60), table(3, 50), table(4, 45), table(5, 5)];
    assert.deepEqual(groupTables(tables, [], 3), [[2], [3, 5], [4, 1]]);
  });

  it('keep together what foreign keys join, over any number of tables', () => {
    const tables = [table(1, 10), table(2, 10), table(3, 10), table(4, 1), table(5, 1)];
    assert.deepEqual(
      groupTables(
        tables,
        [
          [1, 3],
          [2, 3],
          [2, 2],
        ],
        4,
      ),
      [[1, 2, 3], [4], [5]],
    );
  });

  it('share the bytes where nobody writes, and are told apart by nothing at all', () => {
    const still = [table(1, 0, 10), table(2, 0, 80), table(3, 0, 75)];
    assert.deepEqual(groupTables(still, [], 2), [[2], [3, 1]]);
    assert.deepEqual(groupTables([table(1, 0), table(2, 0), table(3, 0)], [], 2), [[1, 3], [2]]);
  });

  it('are no more than there are tables, and none is made of tables that are not published', () => {
    assert.deepEqual(groupTables([table(1, 1), table(2, 0, 9, false)], [], 5), [[1, 2]]);
    assert.deepEqual(groupTables([table(1, 0, 9, false)], [], 5), [[1]]);
    assert.deepEqual(groupTables([], [], 5), []);
  });
});
