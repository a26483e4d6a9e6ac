import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  NAME_PATTERN,
  compareLsn,
  hostIdOf,
  laneName,
  lanePattern,
  nameOfWorkflow,
  workerIdentity,
  workflowId,
} from '../../contract/names.js';

describe('names', () => {
  it('of lanes are slot names of at most 63 bytes, and match their own migration only', () => {
    const longest = `a${'-b'.repeat(15)}`;
    assert.match(longest, NAME_PATTERN);
    const lane = laneName(longest, 123_456);
    assert.match(lane, /^[a-z0-9_]{1,63}$/);
    assert.match(lane, new RegExp(lanePattern(longest)));
    assert.doesNotMatch(laneName('orders-2', 1), new RegExp(lanePattern('orders')));
  });

  it('lead from workflow to migration and back', () => {
    assert.equal(nameOfWorkflow(workflowId('orders')), 'orders');
    assert.equal(nameOfWorkflow('other'), undefined);
  });

  it('of workers tell their host, whatever it is called', () => {
    for (const hostId of ['db-mover-1', 'a host@2 pgtrek@x', '7'])
      assert.equal(hostIdOf(workerIdentity({ pid: 4711, machine: 'mover.internal', hostId })), hostId);
    for (const other of ['4711@mover.internal', 'pgtrek@x', '', '4711@mover.internal pgtrek@'])
      assert.equal(hostIdOf(other), undefined);
  });

  it('order log positions by number, not by text', () => {
    assert.ok(compareLsn('0/9FFFFFF', '0/A000000') < 0);
    assert.ok(compareLsn('10/0', '9/FFFFFFFF') > 0);
    assert.equal(compareLsn('16/B374D848', '16/B374D848'), 0);
  });
});
