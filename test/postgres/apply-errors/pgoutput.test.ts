import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseMessage } from '../../../postgres/apply-errors/pgoutput.js';

const int = (bytes: 1 | 2 | 4 | 8, value: number | bigint): Buffer => {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64BE(BigInt(value));
  return buffer.subarray(8 - bytes);
};
const text = (value: string) => Buffer.from(`${value}\0`);
const letter = (value: string) => Buffer.from(value);
const message = (...parts: Buffer[]) => parseMessage(Buffer.concat(parts));
const value = (of: string) => Buffer.concat([letter('t'), int(4, Buffer.byteLength(of)), Buffer.from(of)]);
const NULL = letter('n');
const UNCHANGED = letter('u');
const tuple = (...values: Buffer[]) => Buffer.concat([int(2, values.length), ...values]);

describe('a message of pgoutput', () => {
  it('begins and ends a transaction', () => {
    const begun = message(letter('B'), int(8, 1), int(8, 849_405_600_123_456n), int(4, 4_000_000_000));
    assert.deepEqual(begun, { kind: 'begin', xid: '4000000000', committedAt: '2026-12-01T02:00:00.123Z' });
    const end = message(letter('C'), int(1, 0), int(8, 1), int(8, 0x16_b374_d848n), int(8, 1));
    assert.deepEqual(end, { kind: 'commit', end: '16/B374D848' });
  });

  it('describes a table with its key columns', () => {
    const columns = [
      int(1, 1),
      text('the Id'),
      int(4, 23),
      int(4, -1),
      int(1, 0),
      text('ö'),
      int(4, 25),
      int(4, -1),
    ];
    const told = message(
      letter('R'),
      int(4, 16_384),
      text('Odd "S'),
      text('a.b'),
      letter('d'),
      int(2, 2),
      ...columns,
    );
    assert.deepEqual(told, {
      kind: 'relation',
      id: 16_384,
      relation: {
        schema: 'Odd "S',
        name: 'a.b',
        identity: 'd',
        columns: [
          { name: 'the Id', isKey: true },
          { name: 'ö', isKey: false },
        ],
      },
    });
  });

  it('tells null, an empty text, and a value that was not changed, apart', () => {
    const row = tuple(value('7'), NULL, value(''), UNCHANGED);
    assert.deepEqual(message(letter('I'), int(4, 1), letter('N'), row), {
      kind: 'insert',
      relation: 1,
      row: ['7', null, '', undefined],
    });
  });

  it('has the old row of an update where the source sends it', () => {
    const update = [letter('U'), int(4, 1)];
    const row = [letter('N'), tuple(value('8'))];
    assert.deepEqual(message(...update, ...row), { kind: 'update', relation: 1, row: ['8'] });
    for (const kind of ['K', 'O']) {
      assert.deepEqual(message(...update, letter(kind), tuple(value('7')), ...row), {
        kind: 'update',
        relation: 1,
        old: ['7'],
        row: ['8'],
      });
    }
    assert.deepEqual(message(letter('D'), int(4, 1), letter('K'), tuple(value('7'))), {
      kind: 'delete',
      relation: 1,
      old: ['7'],
    });
  });

  it('truncates several tables', () => {
    assert.deepEqual(message(letter('T'), int(4, 2), int(1, 2), int(4, 1), int(4, 2)), {
      kind: 'truncate',
      relations: [1, 2],
      restartsSequences: true,
    });
  });

  it('is passed over when it changes no row, and refused when it is cut short', () => {
    assert.deepEqual(message(letter('Y'), int(4, 1), text('s'), text('t')), { kind: 'other' });
    assert.throws(
      () => message(letter('I'), int(4, 1), letter('N'), int(2, 1), letter('t'), int(4, 9)),
      /cut short/,
    );
    assert.throws(
      () => message(letter('I'), int(4, 1), letter('N'), int(2, 1), letter('b'), int(4, 0)),
      /kind b/,
    );
  });
});
