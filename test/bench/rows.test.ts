import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { rowsOf, writtenRows } from '../../bench/rows.js';
import { VERDICTS } from './sample-verdicts.js';

const ROWS = rowsOf({ suite: 'load', case: 'mixed', baseline: 'dump-and-restore', verdicts: VERDICTS });

describe('the rows of figures', () => {
  it('have the median, both ends, the ratio and the memory of a subject', () => {
    assert.deepEqual(
      ROWS.filter(({ subject }) => subject === 'pgtrek-stream').map(({ metric, value, unit }) => [
        metric,
        value,
        unit,
      ]),
      [
        ['time', 22, 's'],
        ['time-min', 20, 's'],
        ['time-max', 27, 's'],
        ['runs', 3, 'runs'],
        ['time-ratio', 0.667, 'of dump-and-restore'],
        ['peak-memory', 220 * 1024 * 1024, 'bytes'],
      ],
    );
  });

  it('leave out what is not known', () => {
    const metrics = ROWS.filter(({ subject }) => subject === 'pgtrek-dump').map(({ metric }) => metric);
    assert.deepEqual(metrics, ['time', 'time-min', 'time-max', 'runs', 'time-ratio']);
  });

  it('are none for a subject that did not run, or failed', () => {
    const subjects = new Set(ROWS.map(({ subject }) => subject));
    assert.deepEqual([...subjects], ['dump-and-restore', 'pgtrek-stream', 'pgtrek-dump']);
  });

  it('are written as JSON, one a line', () => {
    const text = writtenRows(ROWS);
    assert.deepEqual(JSON.parse(text), ROWS);
    assert.equal(text.trimEnd().split('\n').length, ROWS.length + 2);
    assert.deepEqual(JSON.parse(writtenRows([])), []);
  });
});
