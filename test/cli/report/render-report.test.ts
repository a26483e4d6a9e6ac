import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renderReport } from '../../../cli/report/render-report.js';
import { HOSTILE, emptyReport, sampleReport } from './sample-report.js';

describe('a report as a page', () => {
  const page = renderReport(sampleReport());

  it('holds names and messages as text, never as parts of the page', () => {
    assert.doesNotMatch(page, /<script|<img|\u202e/);
    assert.equal(page.includes(HOSTILE), false);
    assert.match(
      page,
      /Table &lt;script&gt;console\.error\(&quot;run&quot;\)&lt;\/script&gt;&quot;&#39;&gt;&lt;img/,
    );
    const named = renderReport(sampleReport({ name: `</title>${HOSTILE}`, summary: HOSTILE }));
    assert.match(named, /<title>&lt;\/title&gt;/);
    assert.doesNotMatch(named, /<script|<img/);
  });

  it('needs nothing else than itself', () => {
    assert.doesNotMatch(page, /\b(src|srcset|action|data)="|@import|url\(|<link|<iframe/);
    for (const [, target] of page.matchAll(/href="([^"]*)"/g)) assert.match(target ?? '', /^#/);
    assert.match(page, /default-src 'none'/);
  });

  it('has every section, and a link to each', () => {
    const ids = [...page.matchAll(/<section id="(\w+)"/g)].map(([, id]) => id);
    assert.deepEqual(ids, [
      ...['timeline', 'load', 'flow', 'cutover', 'stop', 'verification', 'incidents', 'messages'],
      ...['findings', 'versions', 'spec', 'events'],
    ]);
    for (const id of ids) assert.match(page, new RegExp(`href="#${String(id)}"`));
  });

  it('tells the facts of the proof', () => {
    const text = page.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ');
    for (const fact of [
      'db1.internal:5432/orders',
      'PostgreSQL 15.13',
      'Write pause 243 ms',
      '5 transactions of others',
      '16/C0000028',
      'nothing went past the fence',
      'Overshoot 4 ms',
      '4,812,993,044 rows of 214 tables in 12,112 chunks',
      'CHG-1204',
      'ada',
      'orders points at the target',
      'column public.orders.note was added',
    ])
      assert.ok(text.includes(fact), fact);
  });

  it('tells findings in groups, what blocks first, and beside each stage what was expected of it', () => {
    const text = page.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ');
    const findings = text.slice(text.indexOf('What validate found'));
    const order = [
      'source.wal_level',
      'needs restart',
      'source · table',
      'source.replica_identity',
      'source.connection',
    ];
    const places = order.map((part) => findings.indexOf(part));
    assert.deepEqual(
      places,
      [...places].sort((a, b) => a - b),
    );
    assert.ok(!places.includes(-1), places.join(', '));
    assert.match(page, /<code>ALTER TABLE public\.audit ADD PRIMARY KEY \(…\);<\/code>/);
    assert.match(text, /load 2026-11-20 .* about 10 h, 742 GB 742 GB at 21 MB\/s/);
  });

  it('leaves out what there is nothing to say of', () => {
    const ids = [...renderReport(emptyReport()).matchAll(/<section id="(\w+)"/g)].map(([, id]) => id);
    assert.deepEqual(ids, ['messages', 'versions']);
  });

  it('puts what blocks, and what it does not know, before everything else', () => {
    const blocked = renderReport(
      sampleReport({
        workflow: 'running',
        status: 'blocked',
        blocked: {
          stage: 'monitor',
          code: 'SLOT_LOST',
          message: 'The slot is gone.',
          remedy: 'retry',
          since: '2026-11-22T20:00:00Z',
        },
        completeness: {
          complete: false,
          from: '2026-11-22T00:00:00Z',
          missing: ['Temporal has removed the first run.'],
        },
      }),
    );
    const before = blocked.slice(0, blocked.indexOf('<section'));
    assert.match(before, /Blocked in monitor: SLOT_LOST/);
    assert.match(before, /Temporal has removed the first run\./);
  });
});
