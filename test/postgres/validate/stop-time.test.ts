import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { assertFinding, findingsOf, startPair } from '../pair.js';
import type { Databases, Pair } from '../pair.js';

describe('a planned stop', () => {
  let pair: Pair;
  let databases: Databases;
  before(async () => {
    pair = await startPair({ source: { major: 15 }, target: { major: 18 } });
    databases = await pair.newDatabases();
  });
  after(() => pair.remove());

  it('may lie in the future', async () => {
    const findings = await databases.validate({ spec: { cdc: { stop: { at: '2999-01-01T00:00:00Z' } } } });
    assertFinding(findings, { id: 'stop.at', verdict: 'ok' });
    assert.deepEqual(findingsOf(await databases.validate(), 'stop.at'), []);
  });

  it('may not lie in the past, and both ways to mend it are told', async () => {
    const findings = await databases.validate({
      spec: { cdc: { stop: { at: '2020-01-01T02:00:00+02:00' } } },
    });
    assertFinding(findings, {
      id: 'stop.at',
      verdict: 'block',
      why: /in the past: cdc\.stop\.at is 2020-01-01 00:00:00\+00; the source's clock says 20/,
      remedy: /pgtrek stop move-it --at .* pgtrek retry move-it/,
    });
  });
});
