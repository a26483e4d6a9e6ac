import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { paintWith } from '../../../cli/render/colour.js';
import { formatAbout, renderEstimates, tellEstimate } from '../../../cli/render/estimates.js';
import type { Estimate } from '../../../client/index.js';

const ESTIMATES: Estimate[] = [
  { stage: 'restore', seconds: 3, how: '214 objects' },
  { stage: 'load', seconds: 740, bytes: String(34 * 1024 ** 3), how: '34 GB at 48 MB/s, as read just now' },
];

describe('estimates', () => {
  it('tell how long and how much, no more exactly than they are known', () => {
    const texts = [0.2, 40, 59.9, 740, 7_100, 12_200, 40_000, 500_000].map(formatAbout);
    assert.deepEqual(texts, [
      ...['under 1 s', 'about 40 s', 'about 1 min', 'about 12 min', 'about 118 min', 'about 3 h 20 min'],
      ...['about 11 h', 'about 6 days'],
    ]);
    const sizes = [1.26, 2, 34.3, 340].map((gigabytes) =>
      tellEstimate({ seconds: 60, bytes: String(Math.round(gigabytes * 1024 ** 3)) }),
    );
    assert.deepEqual(
      sizes.map((text) => text.replace('about 1 min, ', '')),
      ['1.3 GB', '2 GB', '34 GB', '340 GB'],
    );
  });

  it('say of each stage what it is reckoned from, dimmed', () => {
    assert.deepEqual(renderEstimates(ESTIMATES, { width: 100, paint: paintWith(false) }), [
      'What the stages will take',
      '  restore  about 3 s            214 objects',
      '  load     about 12 min, 34 GB  34 GB at 48 MB/s, as read just now',
      '  in all   about 12 min',
    ]);
    const [, restore] = renderEstimates(ESTIMATES, { width: 100, paint: paintWith(true) });
    assert.match(restore ?? '', /\u001b\[2m214 objects\u001b\[22m$/);
  });

  it('fit a narrow terminal', () => {
    const lines = renderEstimates(ESTIMATES, { width: 40, paint: paintWith(false) });
    assert.ok(
      lines.every((line) => line.length <= 40),
      lines.join('\n'),
    );
    assert.ok(lines.includes('    214 objects'));
  });

  it('are left out where there are none', () => {
    assert.deepEqual(renderEstimates([], { width: 80, paint: paintWith(false) }), []);
  });
});
