import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import { NOTABLE_KINDS, NOTIFY_FAILED, matchesKind } from '../../contract/event-kinds.js';

/** What goes on by itself: of interest to those who watch. A kind that is new belongs here, or into NOTABLE_KINDS. */
const ROUTINE_KINDS = [
  'stage',
  'continued',
  'dumped',
  'restored',
  'keeper',
  'large-objects',
  'load',
  'sequences',
  'slot',
  'refused',
  'unknown-signal',
];

describe('kinds of events', () => {
  it('are all either notable or routine', () => {
    const folder = new URL('../../workflows/', import.meta.url);
    const kinds = readdirSync(folder).flatMap((file) =>
      [...readFileSync(new URL(file, folder), 'utf8').matchAll(/note\(\s*run,\s*'([a-z-]+)'/g)].map(
        ([, kind = '']) => kind,
      ),
    );
    assert.ok(kinds.length > 10);
    const unknown = kinds.filter(
      (kind) => !matchesKind(NOTABLE_KINDS, kind) && !ROUTINE_KINDS.includes(kind),
    );
    assert.deepEqual(unknown, []);
  });

  it('match a pattern as a whole, in which * stands for anything and nothing else for more than itself', () => {
    assert.ok(matchesKind(['stopped', 'alert*'], 'alert-over'));
    assert.ok(matchesKind(['*-done'], 'stage-done'));
    assert.ok(!matchesKind(['stop'], 'stopped'));
    assert.ok(!matchesKind(['stage.done', '(a+)+'], 'stage-done'));
    assert.ok(!matchesKind([], 'blocked'));
  });

  it('do not have the failure of a notification told, which would only fail again', () => {
    assert.ok(!matchesKind(['*', NOTIFY_FAILED], NOTIFY_FAILED));
  });
});
