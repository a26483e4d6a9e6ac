import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { parseSpec } from '../../contract/spec.js';

const FOLDER = new URL('../../examples/', import.meta.url);

describe('the example specs', () => {
  for (const name of readdirSync(FOLDER).filter((file) => file.endsWith('.yaml'))) {
    it(`${name} can be started`, () => {
      assert.ok(parseSpec(parse(readFileSync(new URL(name, FOLDER), 'utf8'))).name);
    });
  }

  it('of the README can be started', () => {
    const readme = readFileSync(new URL('../README.md', FOLDER), 'utf8');
    const spec = /```yaml\n(name: [\s\S]*?)```/.exec(readme)?.[1];
    assert.ok(spec);
    assert.equal(parseSpec(parse(spec)).mode, 'full-load-and-cdc');
  });
});
