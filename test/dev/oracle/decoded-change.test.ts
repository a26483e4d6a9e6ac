import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseChange } from '../../../dev/oracle/decoded-change.js';

describe('the output of test_decoding', () => {
  it('is read with quotes, arrays, bits, nulls and numbers that are none', () => {
    const line = `table "Back Office"."to.do ""x""": INSERT: id[integer]:1 "a b"[public."odd]type"[]]:'{"it''s",NULL}' c[bit varying]:B'101' d[text]:null e[real]:NaN f[boolean]:true`;
    assert.deepEqual(parseChange(line), {
      operation: 'insert',
      on: { schema: 'Back Office', table: 'to.do "x"' },
      row: [
        { name: 'id', literal: `'1'` },
        { name: 'a b', literal: `'{"it''s",NULL}'` },
        { name: 'c', literal: `B'101'` },
        { name: 'd', literal: 'NULL' },
        { name: 'e', literal: `'NaN'` },
        { name: 'f', literal: `'true'` },
      ],
    });
  });

  it('tells old keys from new rows, whatever their text says', () => {
    const line = `table public.t: UPDATE: old-key: k[text]:'a new-tuple: b' new-tuple: k[text]:'' big[text]:unchanged-toast-datum`;
    assert.deepEqual(parseChange(line), {
      operation: 'update',
      on: { schema: 'public', table: 't' },
      old: [{ name: 'k', literal: `'a new-tuple: b'` }],
      row: [
        { name: 'k', literal: `''` },
        { name: 'big', literal: undefined },
      ],
    });
  });

  it('tells an old row of nulls alone from one that is not there', () => {
    assert.deepEqual(parseChange('table public.t: DELETE:'), {
      operation: 'delete',
      on: { schema: 'public', table: 't' },
      old: [],
    });
    assert.deepEqual(parseChange('table public.t: DELETE: (no-tuple-data)'), {
      operation: 'delete',
      on: { schema: 'public', table: 't' },
      old: undefined,
    });
  });

  it('names all truncated tables', () => {
    assert.deepEqual(parseChange('table public.a, "B".c: TRUNCATE: restart_seqs cascade'), {
      operation: 'truncate',
      on: [
        { schema: 'public', table: 'a' },
        { schema: 'B', table: 'c' },
      ],
    });
  });

  it('is not a change for BEGIN, COMMIT and messages', () => {
    for (const line of ['BEGIN 1', 'COMMIT 1', 'message: transactional: 1 prefix: a, sz: 1 content:b']) {
      assert.equal(parseChange(line), undefined);
    }
  });

  it('is refused where it cannot be read', () => {
    assert.throws(
      () => parseChange(`table public.t: INSERT: a[text]:'open`),
      /cannot read the output of test_decoding/,
    );
    assert.throws(
      () => parseChange('table public.t: MERGE: a[text]:1'),
      /cannot read the output of test_decoding/,
    );
  });
});
