import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  formatBytes,
  formatClock,
  formatCount,
  formatDuration,
  formatMany,
  formatPercent,
  formatTime,
} from '../../../cli/render/format.js';

const GIGABYTE = 1024 ** 3;

describe('formats', () => {
  it('bytes as pg_size_pretty counts them', () => {
    assert.deepEqual(
      ['0', 512, 1023, 1024, 1048570, 1048576, 1.25 * GIGABYTE, 200 * GIGABYTE, '', 'x', -1].map(formatBytes),
      ['0 B', '512 B', '1023 B', '1.0 kB', '1.0 MB', '1.0 MB', '1.3 GB', '200 GB', '0 B', '0 B', '0 B'],
    );
  });

  it('durations with at most two units', () => {
    assert.deepEqual(
      [0, 180, 999.6, 1_200, 59_960, 130_000, 11_520_000, 86_400_000 * 5 + 3_600_000 * 3, -5].map(
        formatDuration,
      ),
      ['0 ms', '180 ms', '1.0 s', '1.2 s', '1 m 0 s', '2 m 10 s', '3 h 12 m', '5 d 3 h', '0 ms'],
    );
  });

  it('counts in groups of three, beyond 2^53 too', () => {
    assert.equal(formatCount('12345678901234567890'), '12,345,678,901,234,567,890');
    assert.equal(formatMany(1, 'index', 'indexes'), '1 index');
    assert.equal(formatMany(1234, 'index', 'indexes'), '1,234 indexes');
  });

  it('a percentage that says 100 only when all is done', () => {
    assert.deepEqual([0, 0.485, 0.9999, 1, 2, -1].map(formatPercent), [
      '0 %',
      '48 %',
      '99 %',
      '100 %',
      '100 %',
      '0 %',
    ]);
  });

  it('times in UTC, without the date on the same day', () => {
    const now = new Date('2026-12-01T20:00:00Z');
    assert.equal(formatTime('2026-12-01T02:00:00+02:00'), '2026-12-01 00:00:00 UTC');
    assert.equal(formatTime('soon'), 'soon');
    assert.equal(formatClock('2026-12-01T02:03:04Z', now), '02:03:04');
    assert.equal(formatClock('2026-11-30T02:03:04Z', now), '2026-11-30 02:03:04');
  });
});
