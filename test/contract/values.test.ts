import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isIsoTime, isLsn, millisecondsOf } from '../../contract/values.js';

describe('a time', () => {
  for (const text of ['2026-12-01T02:00:00Z', '2026-12-01T02:00+02:00', '2026-12-01T02:00:00.123-0730'])
    it(`may be ${text}`, () => assert.equal(isIsoTime(text), true));
  for (const text of ['2026-12-01T02:00:00', '2026-12-01', '2026-13-41T02:00:00Z', 'tomorrow', ''])
    it(`is not "${text}"`, () => assert.equal(isIsoTime(text), false));
});

describe('a position in the log', () => {
  for (const text of ['0/0', '16/B374D848', 'ffffffff/ffffffff'])
    it(`may be ${text}`, () => assert.equal(isLsn(text), true));
  for (const text of ['16B374D848', '16/', '/1', '123456789/0', '0/G', ' 0/1', '0/1\n', '0/1/2', ''])
    it(`is not ${JSON.stringify(text)}`, () => assert.equal(isLsn(text), false));
});

describe('a span', () => {
  for (const [text, milliseconds] of [
    ['500ms', 500],
    ['5s', 5_000],
    ['2min', 120_000],
    ['0s', 0],
    ['999999s', 999_999_000],
  ] as const)
    it(`${text} is ${String(milliseconds)} ms`, () => assert.equal(millisecondsOf(text), milliseconds));
  for (const text of ['5', '5 s', '-5s', '1.5s', '5h', '5S', '1234567s', 's', '5s\n', ''])
    it(`is not ${JSON.stringify(text)}`, () => assert.equal(millisecondsOf(text), undefined));
});
