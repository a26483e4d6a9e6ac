import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cutAt, rangeConditions } from '../../../postgres/verify/chunks.js';
import type { ComparedTable, KeyColumn } from '../../../postgres/verify/tables.js';

const column = (name: string, type: string): KeyColumn => ({
  name,
  type,
  isPlain: true,
  isNumber: true,
  order: 'bytes',
});

function tableOf(ranged: KeyColumn[]): ComparedTable {
  const from = { source: 't', target: 't' };
  const lists = { columns: [], values: [], settable: [], key: ranged, ranged };
  return { qualified: 't', from, ...lists, filter: '', bytes: 0, pages: 0 };
}

describe('ranges of a key', () => {
  it('begin and end open, follow one another, and none is empty', () => {
    assert.deepEqual(cutAt({ from: null, to: null }, [['3'], ['3'], ['9']]), [
      { from: null, to: ['3'] },
      { from: ['3'], to: ['9'] },
      { from: ['9'], to: null },
    ]);
    assert.deepEqual(cutAt({ from: ['3'], to: ['9'] }, [['3'], ['5']]), [
      { from: ['3'], to: ['5'] },
      { from: ['5'], to: ['9'] },
    ]);
  });

  it('are conditions on one column, or on several as a row', () => {
    assert.deepEqual(rangeConditions(tableOf([column('id', 'integer')]), { from: ['3'], to: null }), [
      `id >= '3'::integer`,
    ]);
    assert.deepEqual(
      rangeConditions(tableOf([column('a', 'integer'), column('"b c"', 'text')]), {
        from: ['3', `x'y`],
        to: ['4', ''],
      }),
      [`ROW(a, "b c") >= ROW('3'::integer, 'x''y'::text)`, `ROW(a, "b c") < ROW('4'::integer, ''::text)`],
    );
  });
});
