import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { specJsonSchema } from '../../contract/spec.js';

interface JsonSchema {
  properties?: Record<string, JsonSchema>;
  default?: string | number | boolean | unknown[];
}

// One row: | `field` | default | meaning |
const ROW = /^\| `([\w.]+)` +\| ([^|]*?) *\|/gm;

it('docs/spec.md has every field of the spec, with its default, and no other', () => {
  const text = readFileSync(new URL('../../docs/spec.md', import.meta.url), 'utf8');
  const documented = new Map([...text.matchAll(ROW)].map(([, field = '', value = '']) => [field, value]));
  const fields = new Map(leavesOf(specJsonSchema() as JsonSchema));
  assert.deepEqual([...documented.keys()].sort(), [...fields.keys()].sort());
  for (const [field, { default: value }] of fields) {
    if (value === undefined || typeof value === 'object' || /^(source|target)\.replication\./.test(field))
      continue;
    assert.equal(documented.get(field), `\`${String(value)}\``, field);
  }
});

function leavesOf({ properties = {} }: JsonSchema, prefix = ''): [string, JsonSchema][] {
  return Object.entries(properties).flatMap(([name, schema]) =>
    schema.properties ? leavesOf(schema, `${prefix}${name}.`) : [[prefix + name, schema]],
  );
}
