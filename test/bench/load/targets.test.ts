import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judge, renderJudgements } from '../../../bench/load/targets.js';
import type { Measures } from '../../../bench/metrics.js';
import type { Verdict } from '../../../bench/verdict.js';

const MEGABYTE = 1024 * 1024;

function measured(subject: string, seconds: number[], measures: Measures = {}): Verdict {
  return {
    subject,
    kind: 'measured',
    runs: seconds.map((value, n) => ({ round: n + 1, seconds: value, measures, phases: {} })),
  };
}

describe('the targets', () => {
  it('are reached, missed or not measured, each by itself', () => {
    const lines = renderJudgements(
      judge('mixed', [
        measured('pgtrek-stream', [20, 22, 21], { 'worker-peak-memory': 310 * MEGABYTE }),
        measured('pgcopydb', [24, 26, 25]),
        measured('dump-and-restore', [29, 28, 30]),
        { subject: 'native-subscription', kind: 'failed', reason: 'the result is wrong' },
        { subject: 'pgtrek-engine', kind: 'not run', reason: 'not yet' },
        measured('floor', [20, 20, 19]),
      ]),
    );
    assert.deepEqual(lines, [
      'reached       mixed: 1.19 × as fast as pgcopydb (target: 1.15 or more)',
      'missed        mixed: 1.43 × as fast as dump-and-restore (target: 1.5 or more)',
      'not measured  mixed: – × as fast as native-subscription (target: 2 or more)',
      'reached       mixed: 1.10 × the time of floor (target: 1.15 or less)',
      'not measured  mixed: – × the time of pgtrek-engine (target: 1.03 or less)',
      'missed        mixed: worker-peak-memory 310 MB (target: below 300 MB)',
    ]);
  });

  it('of many tables are those of the peer and of the history', () => {
    const verdicts = [
      measured('pgtrek-stream', [60], { 'history-events': 7_999 }),
      measured('pgcopydb', [60]),
    ];
    assert.deepEqual(renderJudgements(judge('many', verdicts)), [
      'reached       many: 1.00 × as fast as pgcopydb (target: 1 or more)',
      'reached       many: history-events 7,999 (target: below 8,000)',
    ]);
  });

  it('are not measured where pgtrek was not', () => {
    const judgements = judge('single', [measured('dump-and-restore', [30])]);
    assert.deepEqual(
      judgements.map(({ result }) => result),
      ['not measured', 'not measured', 'not measured'],
    );
  });
});
