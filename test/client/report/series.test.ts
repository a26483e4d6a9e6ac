import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Series } from '../../../client/report/series.js';

const pointOf = (n: number, value: number) => ({ at: new Date(n * 1_000).toISOString(), value });

describe('a series of figures', () => {
  it('keeps all while they are few', () => {
    const series = new Series();
    for (let n = 0; n < 500; n++) series.add(pointOf(n, n % 7));
    assert.equal(series.points().length, 500);
  });

  it('never has more than 500 points, in their order, and keeps every peak', () => {
    const series = new Series();
    const peaks = [3, 4_711, 99_998];
    for (let n = 0; n < 100_000; n++) series.add(pointOf(n, peaks.includes(n) ? 1_000 + n : n % 10));
    const points = series.points();
    assert.ok(points.length > 250 && points.length <= 500, String(points.length));
    assert.deepEqual(
      points.filter(({ value }) => value >= 1_000),
      peaks.map((n) => pointOf(n, 1_000 + n)),
    );
    assert.deepEqual(
      [...points].sort((a, b) => a.at.localeCompare(b.at)),
      points,
    );
  });
});
