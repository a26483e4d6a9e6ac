import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PgtrekError } from '../../../contract/errors.js';
import { createSyncWatch } from '../../../postgres/lane/await-sync.js';

const SYNC = { enabled: true, tables: 10, ready: 3, workers: 1, errors: 0 };

function codeOf(work: () => void): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return error instanceof PgtrekError ? error.code : String(error);
  }
}

describe('watching the server copy by itself', () => {
  it('bears an error, and any number of them while tables get ready', () => {
    const check = createSyncWatch('pgtrek_a_1');
    for (let ready = 0; ready < 10; ready += 1) {
      assert.equal(
        codeOf(() => check({ ...SYNC, ready, errors: ready * 2 })),
        undefined,
      );
    }
  });

  it('tells when copies fail again and again and no table gets ready', () => {
    const check = createSyncWatch('pgtrek_a_1');
    check({ ...SYNC, errors: 4 });
    assert.equal(
      codeOf(() => check({ ...SYNC, errors: 6 })),
      undefined,
    );
    assert.equal(
      codeOf(() => check({ ...SYNC, errors: 7 })),
      'COPY_FAILED',
    );
  });

  it('tells of a server that counts no errors when nobody has copied for a minute', () => {
    let now = 0;
    const check = createSyncWatch('pgtrek_a_1', () => now);
    check({ ...SYNC, errors: null });
    now = 300_000;
    assert.equal(
      codeOf(() => check({ ...SYNC, errors: null })),
      undefined,
      'a worker copies for long',
    );
    now += 59_000;
    assert.equal(
      codeOf(() => check({ ...SYNC, errors: null, workers: 0 })),
      undefined,
    );
    now += 2_000;
    assert.equal(
      codeOf(() => check({ ...SYNC, errors: null, workers: 0 })),
      'COPY_FAILED',
    );
  });

  it('tells of a subscription that somebody disabled', () => {
    const check = createSyncWatch('pgtrek_a_1');
    assert.equal(
      codeOf(() => check({ ...SYNC, enabled: false })),
      'SUBSCRIPTION_DISABLED',
    );
  });
});
