import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { blotSecrets } from '../../../client/report/blot-secrets.js';

const TEXTS: [text: string, blotted: string][] = [
  ['postgres://mover:s3cret@db1:5432/orders', 'postgres://mover:***@db1:5432/orders'],
  ['see postgresql://mover:p:w@db1/orders, and go on', 'see postgresql://mover:***@db1/orders, and go on'],
  [
    'https://hooks.example.com/services/T0123/B0456/a1b2c3d4e5f6g7h8i9j0',
    'https://hooks.example.com/services/T0123/B0456/***',
  ],
  ['https://example.com/?token=abc&x=1', 'https://example.com/?token=***&x=***'],
  ['host=db1 password=s3cret user=mover', 'host=db1 password=*** user=mover'],
  [`conninfo 'password="a b" x'`, `conninfo 'password=*** x'`],
  ["ALTER ROLE mover PASSWORD 'it''s one'", "ALTER ROLE mover PASSWORD '***'"],
  ['--api-key=abc --token: def', '--api-key=*** --token: ***'],
  ['password authentication failed for user "mover"', 'password authentication failed for user "mover"'],
  [
    '16/B374D848 of 01a20593-bf40-757b-ad1d-a284df206058:1',
    '16/B374D848 of 01a20593-bf40-757b-ad1d-a284df206058:1',
  ],
  ['https://example.com/docs/how-to-move', 'https://example.com/docs/how-to-move'],
];

describe('passwords in a report', () => {
  for (const [text, blotted] of TEXTS)
    it(`are blotted out: ${blotted}`, () => assert.equal(blotSecrets(text), blotted));

  it('are blotted out by the name of their field, and references to them stay', () => {
    assert.deepEqual(
      blotSecrets({
        source: { password: 'plain' },
        target: { password: { env: 'TARGET_PASSWORD' } },
        list: [1, null, 'a'],
      }),
      { source: { password: '***' }, target: { password: { env: 'TARGET_PASSWORD' } }, list: [1, null, 'a'] },
    );
  });

  it('take no time to find in a long text', () => {
    const begun = performance.now();
    blotSecrets(`${'a'.repeat(200_000)} ${'password '.repeat(20_000)} ${'https://'.repeat(20_000)}`);
    assert.ok(performance.now() - begun < 2_000);
  });
});
