import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BUILT_BY_US, parseContents, reasonToLeaveOut } from '../../../postgres/schema/table-of-contents.js';

const LISTING = `;
; Archive created at 2026-11-22 15:00:00 UTC
;
; Selected TOC Entries:
;
5; 2615 2200 SCHEMA - public postgres
3501; 0 0 COMMENT - EXTENSION pg_trgm 
215; 1259 16403 TABLE public actor postgres
216; 1259 16404 MATERIALIZED VIEW Back Office top ten; films postgres
3321; 2606 16500 CONSTRAINT public actor actor_pkey postgres
3322; 1259 16501 INDEX public idx actor's name postgres
3323; 2606 16502 FK CONSTRAINT public film film_actor_fkey postgres
3324; 2606 16503 CHECK CONSTRAINT public supplier positive postgres
3325; 0 0 COMMENT public CONSTRAINT "Film key" ON film postgres
3326; 0 0 COMMENT public CONSTRAINT film_pkey ON film postgres
`;

describe('the archive’s table of contents', () => {
  const entries = parseContents(LISTING, 'pre-data');

  it('is read whatever names hold', () => {
    assert.equal(entries.length, 10);
    assert.deepEqual(
      entries.map(({ kind }) => kind),
      [
        'SCHEMA',
        'COMMENT',
        'TABLE',
        'MATERIALIZED VIEW',
        'CONSTRAINT',
        'INDEX',
        'FK CONSTRAINT',
        'CHECK CONSTRAINT',
        'COMMENT',
        'COMMENT',
      ],
    );
    assert.deepEqual([entries[2]?.classId, entries[2]?.objectId], [1259, 16403]);
  });

  it('leaves out what exists everywhere, and what pgtrek builds, by oid', () => {
    const built = {
      indexes: new Set([16501]),
      constraints: new Set([16500, 16502]),
      keysLeftOut: new Set<number>(),
      keyComments: new Set(['public CONSTRAINT Film key ON film']),
    };
    const reasons = entries.map((entry) => reasonToLeaveOut(entry, built));
    assert.match(reasons[0] ?? '', /every server/);
    assert.match(reasons[1] ?? '', /CREATE EXTENSION/);
    assert.deepEqual(reasons.slice(2), [
      undefined,
      undefined,
      BUILT_BY_US,
      BUILT_BY_US,
      BUILT_BY_US,
      undefined,
      'it goes with the foreign key',
      undefined,
    ]);
  });
});
