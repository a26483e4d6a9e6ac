import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renderReport, rowsOfStops } from '../../../bench/stop/report.js';
import { laneName } from '../../../contract/names.js';
import type { StopFigures } from '../../../bench/stop/report.js';

const OPTIONS = { runs: 3, sessions: 4, rate: 500, lanes: 1 };

function figuresOf(overshoots: number[]): StopFigures {
  const marker = { lane: laneName('bench', 1), id: 'x' };
  return {
    stops: overshoots.map((overshootMs) => ({
      overshootMs,
      commitMs: overshootMs / 2,
      stoodMs: 100,
      marker,
    })),
    writtenPerSecond: 498.6,
    load: 0.8,
    majors: { source: 15, target: 18 },
    problems: [],
  };
}

describe('the report of the stops', () => {
  it('has the median of the overshoot, the shortest and the longest, and a verdict', () => {
    const lines = renderReport(OPTIONS, figuresOf([8, 31, 20]));
    assert.ok(lines.includes('writer    4 sessions, 499 transactions a second'), lines.join('\n'));
    assert.match(lines.join('\n'), /^overshoot, as pgtrek reports it +20\.0 +8\.0 +31\.0$/m);
    assert.match(lines.join('\n'), /^overshoot, as the source noted the commit +10\.0 +4\.0 +15\.5$/m);
    assert.match(lines.at(-1) ?? '', /^reached .* 20\.0 ms in the median/);
  });

  it('tells a target that is missed, and no figure where the target is not exactly at the stop', () => {
    assert.match(renderReport(OPTIONS, figuresOf([21, 22, 23])).at(-1) ?? '', /^missed .* 22\.0 ms/);
    const wrong = renderReport(OPTIONS, { ...figuresOf([1]), problems: ['film: 1 row is missing'] });
    assert.deepEqual(wrong, ['the target is not where the last stop stands:', 'film: 1 row is missing']);
  });

  it('is rows of the shape of all suites', () => {
    const rows = rowsOfStops(OPTIONS, figuresOf([8, 31, 20]));
    assert.deepEqual(
      rows.find(({ metric }) => metric === 'overshoot-max'),
      { suite: 'stop', case: '1 lane', subject: 'pgtrek', metric: 'overshoot-max', value: 31, unit: 'ms' },
    );
  });
});
