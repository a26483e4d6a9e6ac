import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LaneName } from '../../../contract/names.js';
import { parseSpec } from '../../../contract/spec.js';
import type { LaneFigures, MonitorFigures } from '../../../contract/state.js';
import { findAlerts, isNews } from '../../../postgres/monitor/find-alerts.js';

const MB = 1024 ** 2;

const SPEC = parseSpec({
  name: 'orders',
  source: { host: 'a', database: 'a', user: 'a' },
  target: { host: 'b', database: 'b', user: 'b' },
  cdc: { walBudget: '100MB', alerts: { lag: '10s', openTransaction: '10min' } },
});

function figures(changes: Partial<MonitorFigures> = {}, lane: Partial<LaneFigures> = {}): MonitorFigures {
  const measured: LaneFigures = {
    lane: 'pgtrek_orders_1' as LaneName,
    enabled: true,
    workerPid: 1,
    slotActive: true,
    walStatus: 'reserved',
    retainedBytes: '0',
    lagBytes: '0',
    confirmedFlush: null,
    tables: {},
    errors: {},
    ...lane,
  };
  return {
    kind: 'monitor',
    at: '',
    lanes: [measured],
    lagBytes: '0',
    lagMs: 1,
    sourceRate: 0,
    applyRate: 0,
    drainSeconds: 0,
    retainedBytes: '0',
    walBudget: String(100 * MB),
    ...changes,
  };
}

const idsOf = (measured: MonitorFigures, known: string[] = []) =>
  findAlerts(measured, SPEC, known).map(({ id }) => id);

describe('alerts', () => {
  const at = (percent: number, known: string[] = []) =>
    idsOf(figures({ retainedBytes: String(percent * MB) }), known);

  it('tell the highest level of the WAL budget that is reached, and none without a budget', () => {
    assert.deepEqual([49, 50, 79, 80, 99, 100, 300].map((percent) => at(percent)).map(String), [
      '',
      'wal-50',
      'wal-50',
      'wal-80',
      'wal-80',
      'wal-100',
      'wal-100',
    ]);
    const { walBudget: _, ...without } = figures({ retainedBytes: String(1000 * MB) });
    assert.deepEqual(idsOf(without), []);
    assert.equal(
      findAlerts(figures({ retainedBytes: String(55 * MB) }), SPEC, [])[0]?.text,
      'our slots hold back 55.0 MB of WAL on the source, 55 % of cdc.walBudget (100MB)',
    );
  });

  it('go a tenth below their threshold, so that what sways around it is told once', () => {
    assert.deepEqual(at(79, ['wal-80']), ['wal-80']);
    assert.deepEqual(at(71, ['wal-80']), ['wal-50']);
    assert.deepEqual(at(91, ['wal-100']), ['wal-100']);
    assert.deepEqual(at(75, ['wal-100']), ['wal-80']);
    assert.deepEqual(at(46, ['wal-50']), ['wal-50']);
    assert.deepEqual(at(44, ['wal-50']), []);
    assert.deepEqual(idsOf(figures({ lagMs: 9_500 })), []);
    assert.deepEqual(idsOf(figures({ lagMs: 9_500 }), ['lag']), ['lag']);
    assert.deepEqual(idsOf(figures({ lagMs: 8_900 }), ['lag']), []);
  });

  it('tell a lag of lanes that run, and not of lanes that stand on purpose', () => {
    assert.deepEqual(idsOf(figures({ lagMs: 10_000 })), ['lag']);
    assert.deepEqual(idsOf(figures({ lagMs: 10_000 }, { enabled: false })), []);
  });

  it('stay as they were where the target could not be asked', () => {
    const alone = figures({ lagMs: null }, { slotOnly: true });
    assert.deepEqual(idsOf(alone), []);
    assert.deepEqual(idsOf(alone, ['lag', 'conflicts']), ['lag', 'conflicts']);
  });

  it('name the oldest transaction that no slot can pass', () => {
    const old = { seconds: 7_500, user: 'app', database: 'other', application: 'job', state: 'active' };
    const openTransactions = [
      { pid: 7, ...old },
      { gid: 'two', ...old, seconds: 700 },
      { pid: 8, ...old, seconds: 599 },
    ];
    const [alert] = findAlerts(figures({ openTransactions }), SPEC, []);
    assert.equal(alert?.id, 'open-transaction');
    assert.equal(
      alert.text,
      'a transaction of the source is open for 2.1 h: process 7 (app, database other, job, active) (and 1 more); no slot can release WAL from its begin on',
    );
  });

  it('tell a slot that the source is about to invalidate, not one that is extended', () => {
    const slot = (lane: Partial<LaneFigures>, known?: string[]) => idsOf(figures({}, lane), known);
    assert.deepEqual(slot({ walStatus: 'extended', retainedBytes: '90' }), []);
    assert.deepEqual(slot({ walStatus: 'extended', retainedBytes: '79', safeWalSize: '21' }), []);
    assert.deepEqual(slot({ walStatus: 'extended', retainedBytes: '80', safeWalSize: '20' }), [
      'slot-unreserved',
    ]);
    assert.deepEqual(slot({ retainedBytes: '75', safeWalSize: '25' }, ['slot-unreserved']), [
      'slot-unreserved',
    ]);
    assert.deepEqual(slot({ walStatus: 'unreserved' }), ['slot-unreserved']);
  });

  it('tell conflicts with their counters', () => {
    const conflicts = { confl_update_missing: '3' };
    const [alert] = findAlerts(figures({}, { errors: { conflicts } }), SPEC, []);
    assert.equal(
      alert?.text,
      'rows of the target conflict with changes: 3 × confl_update_missing in pgtrek_orders_1',
    );
  });

  it('are news when other ones stand, and never for a spec without them', () => {
    const alert = { id: 'lag', text: '' };
    assert.equal(isNews([alert], ['lag']), false);
    assert.equal(isNews([alert], []), true);
    assert.equal(isNews([], ['lag']), true);
    assert.equal(isNews([alert], undefined), false);
  });
});
