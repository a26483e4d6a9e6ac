import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renderFindings, verdictOf } from '../../../cli/render/findings.js';
import type { Finding } from '../../../client/index.js';

const ok: Finding = { id: 'source.version', scope: 'source', verdict: 'ok', why: '17.2' };
const warn: Finding = {
  id: 'source.identity',
  scope: 'source',
  verdict: 'warn',
  why: 'no key: public.log',
  more: 3,
};
const block: Finding = {
  id: 'source.wal_level',
  scope: 'source',
  verdict: 'block',
  why: 'wal_level is replica',
  remedy: "ALTER SYSTEM SET wal_level = 'logical';\nthen restart the server",
};

describe('findings', () => {
  it('show blocks first with the whole remedy, and only count what is fine', () => {
    assert.deepEqual(renderFindings([ok, warn, block], { width: 100 }), [
      '✖ block  source.wal_level  wal_level is replica',
      "    → ALTER SYSTEM SET wal_level = 'logical';",
      '      then restart the server',
      '! warn   source.identity   no key: public.log (and 3 more)',
      '3 findings: 1 ok, 1 warning, 1 block',
    ]);
  });

  it('show what is fine when asked to', () => {
    assert.ok(renderFindings([ok], { width: 100, verbose: true }).includes('✔ ok     source.version  17.2'));
  });

  it('are as bad as the worst of them', () => {
    assert.deepEqual([[], [ok], [ok, warn], [warn, block, ok]].map(verdictOf), ['ok', 'ok', 'warn', 'block']);
  });
});
