import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renderPlot } from '../../bench/plot.js';
import { VERDICTS } from './sample-verdicts.js';

const SVG = renderPlot({
  title: 'Seconds & <more>',
  subtitle: 'on one machine',
  highlighted: 'pgtrek',
  cases: [
    { title: 'mixed', verdicts: VERDICTS },
    { title: 'many', verdicts: VERDICTS.slice(3) },
  ],
});

describe('the picture of the figures', () => {
  it('has a bar for each subject that was measured, and says why the others have none', () => {
    assert.equal(SVG.match(/<rect /g)?.length, 3);
    assert.equal(SVG.match(/<rect class="ours"/g)?.length, 2);
    assert.equal(SVG.match(/>not run<\/text>/g)?.length, 2);
    assert.equal(SVG.match(/>failed<\/text>/g)?.length, 2);
  });

  it('has whiskers from the shortest run to the longest, where there is more than one', () => {
    assert.equal(SVG.match(/class="whisker"/g)?.length, 3 - 1);
    assert.match(SVG, />33.0 s \(30.0–36.0\)<\/text>/);
    assert.match(SVG, />33.0 s<\/text>/);
  });

  it('is drawn to the longest run, from zero', () => {
    const widths = [...SVG.matchAll(/<rect [^>]*width="([\d.]+)"/g)].map(([, width]) => Number(width));
    const [dump = 0, stream = 0] = widths;
    assert.ok(Math.abs(stream / dump - 22 / 33) < 0.01, `${stream} of ${dump}`);
  });

  it('is well-formed, in light and in dark', () => {
    assert.match(SVG, /Seconds &amp; &lt;more&gt;/);
    assert.match(SVG, /prefers-color-scheme: dark/);
    assert.doesNotMatch(SVG, /NaN|undefined|Infinity/);
  });
});
