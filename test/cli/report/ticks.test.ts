import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ticksOfTime, ticksOfValue } from '../../../cli/report/ticks.js';

describe('the axes of charts', () => {
  it('have round values up to the first that is not below the highest', () => {
    assert.deepEqual(ticksOfValue(0, 10), [0, 1, 2]);
    assert.deepEqual(ticksOfValue(19, 10), [0, 10, 20]);
    assert.deepEqual(ticksOfValue(5_030, 10), [0, 2_000, 4_000, 6_000]);
    assert.deepEqual(
      ticksOfValue(1.2 * 1_024 ** 3, 2),
      [0, 0.5, 1, 1.5].map((gigabytes) => gigabytes * 1_024 ** 3),
    );
  });

  it('have round times, with the day where they are longer than one', () => {
    const textsOf = (from: string, to: string) =>
      ticksOfTime(Date.parse(from), Date.parse(to)).map(({ text }) => text);
    assert.deepEqual(textsOf('2026-11-22T23:30:25.2Z', '2026-11-22T23:30:29Z'), [
      '23:30:26',
      '23:30:27',
      '23:30:28',
      '23:30:29',
    ]);
    assert.deepEqual(textsOf('2026-11-22T23:50:00Z', '2026-11-23T00:20:00Z'), [
      '23:50',
      '23:55',
      '00:00',
      '00:05',
      '00:10',
      '00:15',
      '00:20',
    ]);
    assert.deepEqual(textsOf('2026-11-22T20:00:00Z', '2026-11-24T00:00:00Z'), [
      '11-23 00:00',
      '11-23 06:00',
      '11-23 12:00',
      '11-23 18:00',
      '11-24 00:00',
    ]);
    assert.deepEqual(textsOf('2026-11-22T20:00:00Z', '2026-11-22T20:00:00Z'), ['20:00:00']);
    for (const days of [1, 3, 9, 40, 200, 2_000])
      assert.ok(ticksOfTime(0, days * 86_400_000).length <= 40, `${String(days)} days`);
  });
});
