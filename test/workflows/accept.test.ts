import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MESSAGE_NAMES } from '../../contract/messages.js';
import type { MessageName, MessageShapes } from '../../contract/message-shapes.js';
import type { MigrationState, Status } from '../../contract/state.js';
import { accept } from '../../workflows/accept.js';
import type { Situation } from '../../workflows/accept.js';

const MESSAGE: MessageShapes = { stop: { now: true }, retry: {}, finish: {}, abort: {} };

function situation(
  status: Status,
  rest: Partial<Situation> = {},
  mode: MigrationState['mode'] = 'full-load-and-cdc',
) {
  const state = { status, mode } as MigrationState;
  return { state, markerCommitted: false, aborting: false, standing: status === 'stopped', ...rest };
}

/** What is accepted in each status; everything else is refused with a reason. */
const ACCEPTED: Record<Status, MessageName[]> = {
  running: ['stop', 'abort'],
  paused: ['stop', 'abort'],
  blocked: ['stop', 'retry', 'abort'],
  stopped: ['finish', 'abort', 'stop'],
  completed: [],
  aborted: [],
};

describe('a message is accepted', () => {
  for (const [status, names] of Object.entries(ACCEPTED) as [Status, MessageName[]][]) {
    for (const name of MESSAGE_NAMES) {
      it(`${name} while ${status}: ${names.includes(name) ? 'yes' : 'no, with the reason'}`, () => {
        const verdict = accept(name, MESSAGE[name], situation(status));
        assert.equal(verdict.accepted, names.includes(name));
        if (!verdict.accepted) assert.ok(verdict.reason.length > 10);
      });
    }
  }

  it('stop: not once the marker is committed, nor for a full load, nor at an LSN yet', () => {
    assert.equal(
      accept('stop', { now: true }, situation('running', { markerCommitted: true })).accepted,
      false,
    );
    assert.equal(accept('stop', { now: true }, situation('running', {}, 'full-load')).accepted, false);
    assert.equal(accept('stop', { lsn: '0/1' }, situation('running')).accepted, false);
  });

  it('finish: also when something blocks while the lanes stand', () => {
    assert.equal(accept('finish', {}, situation('blocked', { standing: true })).accepted, true);
  });

  it('abort only, once it aborts', () => {
    for (const name of MESSAGE_NAMES) {
      const verdict = accept(name, MESSAGE[name], situation('running', { aborting: true }));
      assert.equal(verdict.accepted, name === 'abort');
    }
  });
});
