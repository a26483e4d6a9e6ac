import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NOTABLE_KINDS } from '../../contract/event-kinds.js';
import { parseSpec } from '../../contract/spec.js';
import type { SpecInput } from '../../contract/spec.js';

const end = { host: 'h', database: 'd', user: 'u' };
const parse = (notify: SpecInput['notify']) =>
  parseSpec({ name: 'n', source: end, target: end, notify }).notify;

describe('notify of a spec', () => {
  it('is nothing unless it is given', () => {
    assert.equal(parse(undefined), undefined);
  });

  it('tells the notable events, and waits 10 s, unless it says otherwise', () => {
    assert.deepEqual(
      parse({ webhook: { url: 'https://h.internal/x?y=z' }, command: { run: ['page', '-x', 'a b'] } }),
      {
        webhook: { url: 'https://h.internal/x?y=z', timeout: '10s' },
        command: { run: ['page', '-x', 'a b'], timeout: '10s' },
        events: NOTABLE_KINDS,
      },
    );
  });

  const url = 'https://h.internal/';
  for (const [what, notify, fault] of [
    ['no hook at all', { events: ['*'] }, /give a webhook, a command, or both/],
    [
      'a password in the address',
      { webhook: { url: 'https://u:p@h.internal/' } },
      /without user and password/,
    ],
    ['a user in the address', { webhook: { url: 'https://u@h.internal/' } }, /without user and password/],
    ['a file', { webhook: { url: 'file:///etc/passwd' } }, /http or https/],
    ['no address', { webhook: { url: 'h.internal' } }, /http or https/],
    ['the secret itself', { webhook: { url, secret: 'sesame' } }, /must be a reference/],
    ['a secret of a kind that is not built', { webhook: { url, secret: { awsSecret: 'arn' } } }, /awsSecret/],
    ['a wait of hours', { webhook: { url, timeout: '120min' } }, /not be longer than 10min/],
    ['a path for a program', { command: { run: ['/bin/sh'] } }, /plain name/],
    ['no program', { command: { run: [] } }, /notify\.command\.run/],
    ['no events', { webhook: { url }, events: [] }, /notify\.events/],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.throws(() => parse(notify as unknown as SpecInput['notify']), fault);
    });
  }
});
