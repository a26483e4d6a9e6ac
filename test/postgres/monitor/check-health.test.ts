import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LaneName, Lsn } from '../../../contract/names.js';
import type { LaneFigures, MonitorFigures } from '../../../contract/state.js';
import { checkHealth, createErrorWatch } from '../../../postgres/monitor/check-health.js';

function figures(lane: Partial<LaneFigures>): MonitorFigures {
  const healthy: LaneFigures = {
    lane: 'pgtrek_orders_1' as LaneName,
    enabled: true,
    workerPid: 1,
    slotActive: true,
    walStatus: 'reserved',
    retainedBytes: '0',
    lagBytes: '0',
    confirmedFlush: '0/1' as Lsn,
    tables: { r: 3 },
    errors: { apply: '0', sync: '0' },
  };
  return {
    kind: 'monitor',
    at: '',
    lanes: [{ ...healthy, ...lane }],
    lagBytes: '0',
    lagMs: 1,
    sourceRate: 0,
    applyRate: 0,
    drainSeconds: 0,
  };
}

const code = (expected: string) => (error: unknown) => (error as { code?: string }).code === expected;

describe('the health of a lane', () => {
  const expected = { marked: new Set<LaneName>(), standing: false };

  it('is told when the slot is gone or invalidated', () => {
    assert.throws(() => checkHealth(figures({ walStatus: null }), expected), code('SLOT_LOST'));
    assert.throws(() => checkHealth(figures({ walStatus: 'lost' }), expected), code('SLOT_LOST'));
    checkHealth(figures({ walStatus: 'lost' }), { ...expected, standing: true });
  });

  it('is told when somebody disabled the subscription, and not when a marker did', () => {
    assert.throws(() => checkHealth(figures({ enabled: false }), expected), code('SUBSCRIPTION_DISABLED'));
    checkHealth(figures({ enabled: false }), {
      ...expected,
      marked: new Set(['pgtrek_orders_1' as LaneName]),
    });
    const other = { ...expected, marked: new Set(['pgtrek_orders_2' as LaneName]) };
    assert.throws(() => checkHealth(figures({ enabled: false }), other), code('SUBSCRIPTION_DISABLED'));
  });
});

describe('the watch over apply errors', () => {
  it('tells a change that fails again and again', () => {
    const watch = createErrorWatch();
    watch(figures({ errors: { apply: '3' } }));
    watch(figures({ errors: { apply: '4' }, workerPid: null }));
    assert.equal(watch(figures({ errors: { apply: '5' }, workerPid: null })), 'pgtrek_orders_1');
  });

  it('lets errors pass that did not stop the lane, and a source that restarts', () => {
    const watch = createErrorWatch();
    watch(figures({ errors: { apply: '3' } }));
    watch(figures({ errors: { apply: '4' }, workerPid: null }));
    watch(figures({ errors: { apply: '4' }, confirmedFlush: '0/2' as Lsn }));
    for (let round = 0; round < 100; round += 1)
      assert.equal(watch(figures({ errors: { apply: '4' }, workerPid: null })), undefined);
  });

  it('judges a server without counters by a worker that stays away', () => {
    let now = 0;
    const watch = createErrorWatch(() => now);
    watch(figures({ errors: {}, workerPid: null }));
    now = 30_000;
    watch(figures({ errors: {}, workerPid: null }));
    now = 90_000;
    assert.equal(watch(figures({ errors: {}, workerPid: null })), 'pgtrek_orders_1');
  });
});
