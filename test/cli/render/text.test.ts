import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renderColumns } from '../../../cli/render/columns.js';
import { paintWith } from '../../../cli/render/colour.js';
import { cutTo, padTo, plain, widthOf, wrapTo } from '../../../cli/render/text.js';

const paint = paintWith(true);

describe('text', () => {
  it('from a database cannot steer the terminal', () => {
    assert.equal(plain('a\u001b[2Jb\r\nc\u009b1m'), 'a [2Jb c 1m');
  });

  it('is cut by what is seen, and its colours end', () => {
    const line = `${paint.red('abcdef')} ${paint.bold('ghi')}`;
    assert.equal(widthOf(line), 10);
    assert.equal(cutTo(line, 10), line);
    const cut = cutTo(line, 4);
    assert.equal(widthOf(cut), 4);
    assert.ok(cut.includes('abc…\u001b[39m'), JSON.stringify(cut));
    assert.equal(padTo(paint.red('ab'), 4), `${paint.red('ab')}  `);
  });

  it('is wrapped without a loss', () => {
    const statement = 'GRANT SELECT ON ALL TABLES IN SCHEMA audit TO mover;\nSELECT 1;';
    const lines = wrapTo(statement, { width: 24, indent: '  ' });
    assert.ok(lines.every((line) => line.length <= 24 && line.startsWith('  ')));
    assert.equal(lines.map((line) => line.trim()).join(' '), statement.replace('\n', ' '));
    assert.equal(wrapTo('x'.repeat(25), { width: 10 }).join(''), 'x'.repeat(25));
  });

  it('stands in columns', () => {
    const columns = [{ title: 'table' }, { title: 'rows', align: 'right' as const }];
    assert.deepEqual(
      renderColumns(
        columns,
        [
          ['public.orders', '12'],
          ['a', '1,234'],
        ],
        80,
      ),
      ['table           rows', 'public.orders     12', 'a              1,234'],
    );
  });
});
