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
  restart: true,
};

const bare: Finding = {
  id: 'source.replica_identity',
  scope: 'source.table public.bare',
  verdict: 'block',
  why: 'Table public.bare has no usable replica identity.',
  remedy: 'ALTER TABLE public.bare REPLICA IDENTITY FULL;',
  fix: { on: 'source', statements: ['ALTER TABLE public.bare REPLICA IDENTITY FULL;'] },
};
const others: Finding = {
  ...bare,
  scope: 'source',
  why: '12 more are found so: public.x, …',
  remedy: 'Mend them as the ones above.',
  more: 12,
};

describe('findings', () => {
  it('show blocks first with the whole remedy, and only count what is fine', () => {
    assert.deepEqual(renderFindings([ok, warn, block], { width: 100 }), [
      'source',
      '  ✖ block  source.wal_level  wal_level is replica',
      "      ALTER SYSTEM SET wal_level = 'logical';",
      '      then restart the server',
      '      needs restart',
      '',
      'source',
      '  ! warn   source.identity   no key: public.log (and 3 more)',
      '',
      '3 findings: 1 ok, 1 warning, 1 block',
    ]);
  });

  it('show what is fine when asked to', () => {
    assert.ok(
      renderFindings([ok], { width: 100, verbose: true }).includes('  ✔ ok     source.version  17.2'),
    );
  });

  it('stand in groups: servers before their objects, and those that are only counted behind their like', () => {
    const lines = renderFindings([others, bare, { ...block, scope: 'target' }, block], { width: 200 });
    assert.deepEqual(
      lines.filter((line) => /^\S|✖|→|--fix/.test(line)).map((line) => line.trim().replaceAll(/ {2,}/g, ' ')),
      [
        'source',
        '✖ block source.wal_level wal_level is replica',
        'source · table',
        '✖ block source.replica_identity Table public.bare has no usable replica identity.',
        'pgtrek validate --fix can run this on the source',
        '✖ block source.replica_identity 12 more are found so: public.x, …',
        '→ Mend them as the ones above.',
        'pgtrek validate --fix can run this on the source',
        'target',
        '✖ block source.wal_level wal_level is replica',
        '4 findings: 0 ok, 0 warnings, 4 blocks',
      ],
    );
  });

  it('name the object that a reason leaves out, and end no colour and no line of the terminal with it', () => {
    const hostile: Finding = {
      ...ok,
      scope: 'source.role a\u001b[2J',
      verdict: 'warn',
      why: 'it is\rno member',
    };
    const text = renderFindings([hostile], { width: 100 }).join('\n');
    assert.match(text, /role a \[2J: it is no member/);
  });

  it('can be read on a narrow terminal, where only statements are longer than it', () => {
    for (const width of [40, 60, 80]) {
      const lines = renderFindings([ok, warn, block, bare, others], { width });
      const long = lines.filter((line) => line.length > width);
      assert.ok(
        long.every((line) => /^ {6}ALTER .*;$/.test(line)),
        long.join('\n'),
      );
    }
    assert.ok(renderFindings([bare], { width: 40 }).includes('  ✖ block  source.replica_identity'));
  });

  it('are coloured only when asked to', () => {
    const colourful = renderFindings([block, warn], { width: 100, colour: true }).join('\n');
    assert.match(colourful, /\u001b\[31m✖ block\u001b\[39m/);
    assert.doesNotMatch(renderFindings([block, warn], { width: 100 }).join('\n'), /\u001b/);
  });

  it('are followed by what the stages will take', () => {
    const estimates = [
      { stage: 'load' as const, seconds: 740, bytes: String(34 * 1024 ** 3), how: 'measured' },
    ];
    assert.deepEqual(renderFindings([ok], { width: 100, estimates }), [
      '1 finding: 1 ok, 0 warnings, 0 blocks',
      '',
      'What the stages will take',
      '  load  about 12 min, 34 GB  measured',
    ]);
  });

  it('are as bad as the worst of them', () => {
    assert.deepEqual([[], [ok], [ok, warn], [warn, block, ok]].map(verdictOf), ['ok', 'ok', 'warn', 'block']);
  });
});
