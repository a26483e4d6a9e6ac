import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MESSAGES, MESSAGE_NAMES } from '../../contract/messages.js';
import type { MessageName } from '../../contract/message-shapes.js';
import { Unreadable } from '../../contract/parse-message.js';

/** What is sent, and what is understood: the message, or (a regex) why it is not. */
type Cases = [sent: unknown, understood: object | RegExp][];

const LSN_WANTED = /^lsn must look like 16\/B374D848$/;
const ONE_POINT = /^give exactly one of at, lsn, now, never$/;
const TIME_WANTED = /^at must be a time such as .*, with a time zone$/;
const SPAN_WANTED = /^maxPause must be a span such as 500ms, 5s or 2min$/;
const NO_FLAG = (name: string) => new RegExp(`^${name} must be true or false$`);

/** Of messages that only say who sends them. */
const BARE: Cases = [[{ now: true, dropTarget: true }, {}]];

const TABLES_WANTED = /^tables must be a list of patterns such as "public.orders"$/;

const CUTOVER: Cases = [
  [{ dryRun: true }, { dryRun: true }],
  [{ dryRun: false, maxPause: null }, {}],
  [{ maxPause: '500ms' }, { maxPause: '500ms' }],
  [
    { maxPause: '2min', dryRun: true },
    { maxPause: '2min', dryRun: true },
  ],
  [{ dryRun: 'yes' }, NO_FLAG('dryRun')],
  [{ maxPause: 5 }, SPAN_WANTED],
  [{ maxPause: '5' }, SPAN_WANTED],
  [{ maxPause: '0s' }, SPAN_WANTED],
  [{ maxPause: '-1s' }, SPAN_WANTED],
  [{ maxPause: '1h' }, SPAN_WANTED],
  [{ maxPause: '' }, SPAN_WANTED],
];

const CASES: Record<MessageName, Cases> = {
  stop: [
    [{ now: true }, { now: true }],
    [
      { never: true, then: 'wait' },
      { never: true, then: 'wait' },
    ],
    [{ at: '2026-12-01T02:00:00Z' }, { at: '2026-12-01T02:00:00Z' }],
    [
      { at: '2026-12-01T02:00+02:00', then: 'finish' },
      { at: '2026-12-01T02:00+02:00', then: 'finish' },
    ],
    [{ lsn: '16/B374D848' }, { lsn: '16/B374D848' }],
    [{ lsn: '16/b374d848' }, { lsn: '16/B374D848' }],
    [{ now: true, at: null, never: false, then: null }, { now: true }],
    [{}, ONE_POINT],
    [undefined, ONE_POINT],
    [{ now: false }, ONE_POINT],
    [{ then: 'wait' }, ONE_POINT],
    [{ now: true, never: true }, ONE_POINT],
    [{ at: '2026-12-01T02:00:00Z', lsn: '0/1' }, ONE_POINT],
    [{ at: '2026-12-01T02:00:00' }, TIME_WANTED],
    [{ at: 'tomorrow' }, TIME_WANTED],
    [{ at: 7 }, TIME_WANTED],
    [{ at: {} }, TIME_WANTED],
    [{ lsn: '16-B374D848' }, LSN_WANTED],
    [{ lsn: '123456789/0' }, LSN_WANTED],
    [{ lsn: '' }, LSN_WANTED],
    [{ lsn: 96_000 }, LSN_WANTED],
    [{ lsn: ['0/1'] }, LSN_WANTED],
    [{ now: 'yes' }, /^now and never must be true$/],
    [{ never: 1 }, /^now and never must be true$/],
    [{ now: true, then: 'rest' }, /^then must be "finish" or "wait"$/],
    [{ now: true, then: true }, /^then must be "finish" or "wait"$/],
  ],
  pause: BARE,
  resume: BARE,
  finish: BARE,
  retry: BARE,
  cutover: CUTOVER,
  rollback: CUTOVER,
  verify: [
    [{}, {}],
    [
      { tables: ['public.orders'], repair: true },
      { tables: ['public.orders'], repair: true },
    ],
    [{ tables: null, repair: false }, {}],
    [{ tables: [] }, TABLES_WANTED],
    [{ tables: 'orders' }, TABLES_WANTED],
    [{ tables: [7] }, TABLES_WANTED],
    [{ repair: 'yes' }, NO_FLAG('repair')],
  ],
  restartOnSchemaChange: [
    [{ dropTarget: true }, { dropTarget: true }],
    [
      { full: true, dropTarget: true },
      { full: true, dropTarget: true },
    ],
    [{ full: false, dropTarget: null }, {}],
    [{ full: 'yes', dropTarget: true }, NO_FLAG('full')],
    [{ dropTarget: 1 }, NO_FLAG('dropTarget')],
  ],
  setLoad: [
    [{ jobs: 8 }, { jobs: 8 }],
    [{ indexJobs: 1 }, { indexJobs: 1 }],
    [
      { jobs: 64, indexJobs: 32 },
      { jobs: 64, indexJobs: 32 },
    ],
    [{ jobs: null, indexJobs: 2 }, { indexJobs: 2 }],
    [{}, /^give jobs, indexJobs, or both$/],
    [null, /^give jobs, indexJobs, or both$/],
    [{ jobs: 0 }, /^jobs must be a whole number from 1 to 64$/],
    [{ jobs: 65 }, /^jobs must be a whole number from 1 to 64$/],
    [{ jobs: 1.5 }, /^jobs must be a whole number from 1 to 64$/],
    [{ jobs: '8' }, /^jobs must be a whole number from 1 to 64$/],
    [{ jobs: NaN }, /^jobs must be a whole number from 1 to 64$/],
    [{ jobs: 4, indexJobs: 33 }, /^indexJobs must be a whole number from 1 to 32$/],
  ],
  abort: [
    [{ dropTarget: true }, { dropTarget: true }],
    [{ dropTarget: false }, {}],
    [{ dropTarget: 'no' }, NO_FLAG('dropTarget')],
  ],
};

/** Messages that need nothing. */
const EMPTY: MessageName[] = [
  'pause',
  'resume',
  'cutover',
  'finish',
  'retry',
  'restartOnSchemaChange',
  'abort',
];

describe('a message is read', () => {
  for (const name of MESSAGE_NAMES) {
    for (const [sent, understood] of CASES[name]) {
      it(`${name} ${JSON.stringify(sent) ?? 'without an argument'}`, () => {
        const parsed = MESSAGES[name].parse(sent);
        if (understood instanceof RegExp) {
          assert.ok(!parsed.ok);
          assert.match(parsed.reason, understood);
        } else assert.deepEqual(parsed, { ok: true, value: understood });
      });
    }

    it(`${name}: with who asked and why, without what nobody knows`, () => {
      const [sent, understood] = CASES[name][0] ?? assert.fail('no case');
      const sender = { by: 'ann', reason: 'a test' };
      assert.deepEqual(MESSAGES[name].parse({ ...(sent as object), ...sender, colour: 'red' }), {
        ok: true,
        value: { ...understood, ...sender },
      });
    });

    it(`${name}: never by anything but an object`, () => {
      for (const odd of [0, 'now', [], [{}], true, () => 1, NaN, new Uint8Array(1), new Unreadable('x')]) {
        const parsed = MESSAGES[name].parse(odd);
        assert.match(parsed.ok ? '' : parsed.reason, /^expected one JSON object, got /);
      }
    });

    it(`${name}: its description carries an example of its JSON that can be sent`, () => {
      const examples = MESSAGES[name].description.match(/\{[^{}]*\}/g) ?? [];
      assert.ok(examples.length > 0);
      for (const example of examples) assert.ok(MESSAGES[name].parse(JSON.parse(example)).ok, example);
    });
  }

  it('takes nothing, null and {} for the same', () => {
    for (const name of EMPTY) {
      for (const empty of [undefined, null, {}])
        assert.deepEqual(MESSAGES[name].parse(empty), { ok: true, value: {} });
    }
  });

  it('keeps no more of a sender and a reason than a history can bear', () => {
    const parsed = MESSAGES.retry.parse({ by: 'x'.repeat(1_000), reason: 'y'.repeat(1_000) });
    assert.deepEqual(parsed, { ok: true, value: { by: 'x'.repeat(100), reason: 'y'.repeat(500) } });
  });
});
