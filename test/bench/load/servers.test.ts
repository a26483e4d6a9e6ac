import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chooseMajors } from '../../../bench/load/servers.js';

describe('the servers of the benchmark', () => {
  const CASES: [string, Parameters<typeof chooseMajors>, ReturnType<typeof chooseMajors>][] = [
    [
      'the newest, from the one below it',
      [{}, { installed: [15, 17, 18], toolsMajor: 18 }],
      { source: 17, target: 18 },
    ],
    [
      'from what pg_dump can read',
      [{}, { installed: [15, 17, 18], toolsMajor: 15 }],
      { source: 15, target: 18 },
    ],
    ['not the oldest', [{}, { installed: [13, 15, 18], toolsMajor: 15 }], { source: 15, target: 18 }],
    ['any where there is no pg_dump', [{}, { installed: [15, 18] }], { source: 15, target: 18 }],
    ['the same where there is one', [{}, { installed: [18], toolsMajor: 18 }], { source: 18, target: 18 }],
    [
      'what was asked for',
      [{ sourceMajor: 18, targetMajor: 15 }, { installed: [15, 18] }],
      { source: 18, target: 15 },
    ],
    [
      'one below the target asked for',
      [{ targetMajor: 17 }, { installed: [15, 17, 18] }],
      { source: 15, target: 17 },
    ],
  ];
  for (const [what, args, majors] of CASES) {
    it(`are ${what}`, () => {
      assert.deepEqual(chooseMajors(...args), majors);
    });
  }

  it('are refused by name when they are not installed', () => {
    assert.throws(() => chooseMajors({ sourceMajor: 17 }, { installed: [15, 18] }), /PostgreSQL 17 .*15, 18/);
  });

  it('cannot all be newer than pg_dump', () => {
    assert.throws(() => chooseMajors({}, { installed: [15, 18], toolsMajor: 14 }), /npm run setup/);
  });
});
