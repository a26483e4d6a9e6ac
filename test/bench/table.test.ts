import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renderTable } from '../../bench/table.js';
import { VERDICTS } from './sample-verdicts.js';

describe('the table of figures', () => {
  it('shows median, range, ratio and memory, and why the others have none', () => {
    assert.deepEqual(renderTable(VERDICTS, { baseline: 'dump-and-restore' }), [
      'subject              seconds (min–max)  ratio  peak memory',
      'dump-and-restore      33.0 (30.0–36.0)   1.00      42.0 MB',
      'pgtrek-stream         22.0 (20.0–27.0)   0.67       220 MB',
      'pgtrek-dump                       33.0   1.10            –',
      'pgtrek-native        not run: NOT_BUILT_YET: not yet',
      'native-subscription  failed: the result is wrong',
    ]);
  });

  it('has no ratio where the baseline was not measured', () => {
    const [, line] = renderTable(VERDICTS.slice(1, 2), { baseline: 'dump-and-restore' });
    assert.equal(line, 'pgtrek-stream   22.0 (20.0–27.0)      –       220 MB');
  });
});
