import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { connect } from '../../client/index.js';
import { findFreePort } from '../../dev/free-port.js';
import { hasCode } from './fixtures/has-code.js';

describe('connect', () => {
  it('says within 10 s that nobody answers, and where', async () => {
    const address = `127.0.0.1:${await findFreePort()}`;
    const startedAt = Date.now();
    await assert.rejects(connect({ address }), hasCode('TEMPORAL_UNREACHABLE', new RegExp(address)));
    assert.ok(Date.now() - startedAt < 10_000);
  });
});
