import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MESSAGES, MESSAGE_NAMES } from '../../contract/messages.js';

describe('parsing a message', () => {
  it('takes nothing, null and {} for the same', () => {
    for (const name of ['retry', 'finish', 'abort'] as const) {
      for (const empty of [undefined, null, {}])
        assert.deepEqual(MESSAGES[name].parse(empty), { ok: true, value: {} });
    }
  });

  it('never throws, whatever it is sent', () => {
    for (const name of MESSAGE_NAMES) {
      for (const odd of [
        0,
        'now',
        [],
        [{}],
        true,
        () => 1,
        { at: {} },
        { now: 'yes' },
        { dropTarget: 'no' },
        NaN,
      ]) {
        assert.equal(typeof MESSAGES[name].parse(odd).ok, 'boolean');
      }
    }
  });

  it('ignores unknown keys and keeps who asked and why', () => {
    assert.deepEqual(MESSAGES.stop.parse({ now: true, by: 'ann', reason: 'test', colour: 'red' }), {
      ok: true,
      value: { now: true, by: 'ann', reason: 'test' },
    });
  });

  it('wants exactly one point to stop at', () => {
    for (const wrong of [{}, { now: true, never: true }, { at: '2026-12-01T02:00:00Z', lsn: '0/1' }]) {
      assert.deepEqual(MESSAGES.stop.parse(wrong), {
        ok: false,
        reason: 'give exactly one of at, lsn, now, never',
      });
    }
  });

  it('wants a time with a time zone', () => {
    for (const at of ['2026-12-01T02:00:00Z', '2026-12-01T02:00+02:00', '2026-12-01T02:00:00.123-0730']) {
      assert.deepEqual(MESSAGES.stop.parse({ at, then: 'wait' }), { ok: true, value: { at, then: 'wait' } });
    }
    for (const at of ['2026-12-01T02:00:00', 'tomorrow', '2026-13-41T02:00:00Z', 7]) {
      assert.equal(MESSAGES.stop.parse({ at }).ok, false, String(at));
    }
  });

  it('carries an example of its JSON in the description', () => {
    for (const name of MESSAGE_NAMES) assert.match(MESSAGES[name].description, /\{.*\}/);
  });
});
