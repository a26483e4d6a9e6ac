import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { ERROR_CODES } from '../../contract/errors.js';

it('docs/errors.md has exactly one heading for each error code', () => {
  const text = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  const headings = [...text.matchAll(/^### (.+)$/gm)].map(([, heading]) => heading);
  assert.deepEqual(headings.sort(), Object.keys(ERROR_CODES).sort());
});
