import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renderChanges } from '../../../cli/render/changes.js';
import type { MigrationView } from '../../../client/index.js';
import { NOW, loadingState, monitorFigures, monitoringState } from './sample-state.js';

const loading: MigrationView = { state: loadingState(), live: [], workflow: 'running' };

describe('changes, for a log', () => {
  it('tell everything once', () => {
    const lines = renderChanges(undefined, loading, NOW);
    assert.equal(lines[0], 'orders: running');
    assert.ok(lines.includes('validate: done in 1.2 s'));
    assert.ok(lines.includes('load: running'));
    assert.ok(lines.includes('load: 45 %, 38 of 94 tables'));
    assert.ok(lines.some((line) => line.endsWith('published  94 tables in pgtrek_orders_1')));
    assert.deepEqual(renderChanges(loading, loading, NOW), []);
  });

  it('tell of the next stage, and of lag now and then', () => {
    const monitoring: MigrationView = {
      state: monitoringState(),
      live: [monitorFigures()],
      workflow: 'running',
    };
    const lines = renderChanges(loading, monitoring, NOW);
    assert.ok(lines.includes('load: done in 3 m 0 s'));
    assert.ok(lines.some((line) => line.startsWith('lag 1.2 MB, 35 ms')));
    const soon = { ...monitoring, live: [monitorFigures({ at: '2026-12-01T00:09:59.500Z', lagMs: 36 })] };
    assert.deepEqual(renderChanges(monitoring, soon, NOW), []);
    const later = { ...monitoring, live: [monitorFigures({ at: '2026-12-01T00:10:30Z', lagMs: 37 })] };
    assert.equal(renderChanges(soon, later, NOW).length, 1);
  });

  it('tell of a block with what mends it, and of an outage', () => {
    const blocked = {
      stage: 'load' as const,
      code: 'COPY_FAILED' as const,
      message: 'no',
      remedy: 'GRANT x',
      since: '',
    };
    const view = { ...loading, state: loadingState({ status: 'blocked', blocked }) };
    assert.deepEqual(renderChanges(loading, view, NOW), [
      'orders: blocked in load: COPY_FAILED: no',
      '  mend it: GRANT x',
    ]);
    const silent = { ...loading, problem: { code: 'NO_WORKER' as const, message: 'No worker answers.' } };
    assert.deepEqual(renderChanges(loading, silent, NOW), ['waiting: No worker answers.']);
    assert.deepEqual(renderChanges(silent, loading, NOW), ['it answers again']);
  });
});
