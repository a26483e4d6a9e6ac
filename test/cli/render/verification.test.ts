import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renderVerification, renderVerificationEnd } from '../../../cli/render/verification.js';
import type { Verification } from '../../../client/index.js';
import { loadingState } from './sample-state.js';

const equal: Verification = {
  kind: 'point',
  begunAt: '2026-12-01T02:00:00.000Z',
  endedAt: '2026-12-01T02:00:04.200Z',
  equal: true,
  tables: 12,
  rows: '4200000',
  chunks: 1,
  differences: [],
  differing: [],
  differingTables: 0,
  schema: [],
  schemaTotal: 0,
  sequences: [],
  notCompared: [],
};

describe('a comparison of both databases', () => {
  it('that found nothing is one line', () => {
    assert.deepEqual(renderVerification(equal, { width: 120 }), [
      '✔ equal  12 tables, 4,200,000 rows, 1 chunk, while nothing changed; 2026-12-01 02:00:00 UTC, 4.2 s',
    ]);
  });

  it('tells every kind of difference, and what was not compared', () => {
    const found: Verification = {
      ...equal,
      kind: 'online',
      equal: false,
      differences: [
        { table: 'public.orders', key: 'id = 7', kind: 'different' },
        { table: 'public.orders', key: "id = 8 AND code = 'x'", kind: 'missing' },
        { table: 'public.orders', key: 'id = 9', kind: 'extra' },
      ],
      differing: [{ table: 'public.orders', sourceRows: '1000', targetRows: '1000', chunks: 2 }],
      differingTables: 3,
      schema: [
        { kind: 'index-dropped', object: 'public.by_date', from: 'CREATE INDEX …' },
        { kind: 'view-changed', object: 'public.v' },
        { kind: 'column-changed', object: 'public.orders.n', from: 'integer', to: 'bigint' },
      ],
      schemaTotal: 4,
      sequences: [{ sequence: 'public.s', source: '7', target: '1 (not called)' }],
      notCompared: [{ table: 'large objects', why: 'the content of 2 large objects is not compared' }],
      repaired: '5',
    };
    assert.deepEqual(renderVerification(found, { width: 120 }), [
      '✖ different  12 tables, 4,200,000 rows, 1 chunk, while changes flow; 2026-12-01 02:00:00 UTC, 4.2 s',
      'rows',
      '  table          rows on the source  on the target  chunks that differ',
      '  public.orders               1,000          1,000                   2',
      '  … and 2 tables more',
      'keys',
      '  table          what                   key',
      '  public.orders  different              id = 7',
      "  public.orders  missing on the target  id = 8 AND code = 'x'",
      '  public.orders  on the target alone    id = 9',
      'sequences',
      '  sequence  source  target',
      '  public.s  7       1 (not called)',
      'schema',
      '  index public.by_date is missing on the target (CREATE INDEX …)',
      '  view public.v differs',
      '  column public.orders.n: integer → bigint',
      '  … and 1 difference more',
      'not compared',
      '  large objects: the content of 2 large objects is not compared',
      'mended: 5 rows',
    ]);
  });

  it('says where to look when it has no result', () => {
    assert.deepEqual(renderVerificationEnd({ kind: 'failed', state: loadingState() }), [
      'The comparison of orders has no result. Why:  pgtrek events orders',
    ]);
  });

  it('names the ends as the spec does, after a cutover as well', () => {
    const found: Verification = {
      ...equal,
      equal: false,
      direction: 'back',
      differences: [{ table: 'public.orders', key: 'id = 8', kind: 'missing' }],
      differing: [{ table: 'public.orders', sourceRows: '1000', targetRows: '999', chunks: 1 }],
      differingTables: 1,
      schema: [{ kind: 'index-dropped', object: 'public.by_date', from: 'CREATE INDEX …' }],
      schemaTotal: 1,
    };
    const text = renderVerification(found, { width: 120 }).join('\n');
    assert.match(text, /rows on the target +on the source/);
    assert.match(text, /missing on the source +id = 8/);
    assert.match(text, /by_date is missing on the source/);
  });
});
