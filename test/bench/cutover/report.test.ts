import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renderReport, rowsOfCutovers } from '../../../bench/cutover/report.js';
import type { CutoverFigures } from '../../../bench/cutover/report.js';
import type { OneChange } from '../../../bench/cutover/run-case.js';

function change(direction: OneChange['direction'], pauseMs: number): OneChange {
  return {
    direction,
    pauseMs,
    before: [],
    report: {
      outcome: 'done',
      at: '2026-12-01T02:00:00.000Z',
      reasons: [],
      fence: {
        kind: 'lock',
        begunAt: '2026-12-01T02:00:00.000Z',
        steps: [
          { step: 'fence', ms: 90 },
          { step: 'stopped', ms: 140 },
        ],
        pauseMs: pauseMs - 10,
        cancelled: 5,
        ended: 8,
        hooks: [],
        warnings: [],
      },
    },
  };
}

function figuresOf(pauses: number[], problems: string[] = []): CutoverFigures {
  const clients = { pausesMs: [], committed: 12_345, perSecond: 1_999.6, cancelled: 15, failed: 0, problems };
  const changes = pauses.flatMap((pause) => [change('forward', pause), change('back', pause + 100)]);
  return {
    cases: [{ name: 'tables', bytes: 1_600_000_000, clients, changes }],
    majors: { source: 15, target: 18 },
    load: 1.5,
  };
}

describe('the report of the cutovers', () => {
  it('has the median of the pause, the shortest and the longest, and a verdict, of each direction', () => {
    const text = renderReport(figuresOf([250, 700, 280])).join('\n');
    assert.match(
      text,
      /^tables: .*, 12,345 transactions, 2000 a second; 15 cancelled and done again, 0 failed/m,
    );
    assert.match(text, /^cutover, 3 times +median +min +max$/m);
    assert.match(text, /^pause, as clients see it +280 +250 +700$/m);
    assert.match(text, /^pause, as pgtrek reports it +270 +240 +690$/m);
    assert.match(text, /^until every lane stands +140 +140 +140$/m);
    assert.match(text, /^reached .* 280 ms in the median and 700 ms at most/m);
    assert.match(text, /^missed .* 380 ms in the median and 800 ms at most/m);
  });

  it('has no figure of a case whose clients miss something', () => {
    const text = renderReport(figuresOf([250], ['client 3 has committed 7; there are 6, up to 7'])).join(
      '\n',
    );
    assert.match(text, /what clients have committed is not what there is:\nclient 3/);
    assert.doesNotMatch(text, /median/);
  });

  it('is rows of the shape of all suites', () => {
    const rows = rowsOfCutovers({ scale: 0.14 }, figuresOf([250, 700, 280]));
    assert.deepEqual(
      rows.find(({ subject, metric }) => subject === 'rollback' && metric === 'pause-max'),
      {
        suite: 'cutover',
        case: 'tables at scale 0.14',
        subject: 'rollback',
        metric: 'pause-max',
        value: 800,
        unit: 'ms',
      },
    );
  });
});
