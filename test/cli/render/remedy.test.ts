import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renderRemedy, splitRemedy } from '../../../cli/render/remedy.js';

const INDENT = '      ';
const KEY =
  'ALTER TABLE public.bare REPLICA IDENTITY FULL; -- each UPDATE and DELETE then logs the whole old row. Better: ALTER TABLE public.bare ADD PRIMARY KEY (…); or leave it out by select.exclude.';

const render = (remedy: string, width: number, fits = false) =>
  renderRemedy(remedy, { width, indent: INDENT, fits }).map((line) => line.slice(INDENT.length));

describe('a remedy', () => {
  it('has each statement whole on a line of its own, however narrow the terminal', () => {
    assert.deepEqual(render(KEY, 44), [
      'ALTER TABLE public.bare REPLICA IDENTITY FULL;',
      '-- each UPDATE and DELETE then logs',
      '-- the whole old row. Better:',
      'ALTER TABLE public.bare ADD PRIMARY KEY (…);',
      'or leave it out by select.exclude.',
    ]);
  });

  it('is prose behind an arrow where nothing of it can be run', () => {
    assert.deepEqual(render('Open port 5432 for this worker: firewall, security group.', 40), [
      '→ Open port 5432 for this worker:',
      '  firewall, security group.',
    ]);
  });

  it('breaks statements on a screen that is drawn anew, between words and never in quotes', () => {
    const statement = `ALTER ROLE "the  mover" IN DATABASE orders SET search_path = 'a; b';`;
    const lines = render(statement, 40, true);
    assert.deepEqual(lines, [
      'ALTER ROLE "the  mover" IN',
      '  DATABASE orders SET search_path',
      "  = 'a; b';",
    ]);
    assert.equal(lines.map((line) => line.trim()).join(' '), statement);
  });

  it('knows statements and commands from words that are like them', () => {
    const runnable = (remedy: string) =>
      splitRemedy(remedy).flatMap((piece) => (piece.isRunnable ? [piece.text] : []));
    assert.deepEqual(runnable("SELECT pg_drop_replication_slot('a;b'); then retry"), [
      "SELECT pg_drop_replication_slot('a;b');",
    ]);
    assert.deepEqual(runnable("COMMIT PREPARED 'x'; -- or ROLLBACK PREPARED, in database a"), [
      "COMMIT PREPARED 'x';",
    ]);
    assert.deepEqual(runnable('GRANT app TO mover; -- or GRANT SELECT ON LARGE OBJECT 1, 2 TO mover;'), [
      'GRANT app TO mover;',
      'GRANT SELECT ON LARGE OBJECT 1, 2 TO mover;',
    ]);
    assert.deepEqual(runnable('pgtrek stop a --at <a later time>, then pgtrek retry a; or start again'), [
      'pgtrek stop a --at <a later time>',
    ]);
    assert.deepEqual(runnable('ALTER TABLE a REPLICA IDENTITY FULL'), [
      'ALTER TABLE a REPLICA IDENTITY FULL',
    ]);
    assert.deepEqual(runnable("Correct the role's name, or drop what UPDATE and DELETE; need."), []);
  });

  it('loses nothing', () => {
    const words = (text: string) => text.match(/[\w.]+/g);
    for (const width of [40, 60, 80, 120])
      for (const fits of [false, true])
        assert.deepEqual(words(render(KEY, width, fits).join(' ')), words(KEY));
  });
});
