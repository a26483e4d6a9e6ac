import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renderChanges } from '../../../cli/render/changes.js';
import { measureOnce } from '../../../client/index.js';
import type { MigrationState, MigrationView } from '../../../client/index.js';
import { NOW, loadingState, monitorFigures, monitoringState } from './sample-state.js';

const loading = viewAt(NOW);

function viewAt(now: Date, changes: Partial<MigrationState['totals']> = {}): MigrationView {
  const { totals } = loadingState();
  const state = loadingState({ totals: { ...totals, ...changes } });
  const load = measureOnce(state, [], now);
  return { state, live: [], ...(load ? { load } : {}), workflow: 'running' };
}

describe('changes, for a log', () => {
  it('tell everything once', () => {
    const lines = renderChanges(undefined, loading);
    assert.equal(lines[0], 'orders: running');
    assert.ok(lines.includes('validate: done in 1.2 s'));
    assert.ok(lines.includes('load: running'));
    assert.ok(
      lines.includes('load: 45 %, 1.1 GB of 2.5 GB, 38 of 94 tables, 4.8 MB/s, all rows in 4 m 53 s'),
    );
    assert.ok(lines.some((line) => line.endsWith('published  94 tables in pgtrek_orders_1')));
    assert.deepEqual(renderChanges(loading, loading), []);
  });

  it('tell of a load at every tenth, and every few minutes', () => {
    const seconds = (count: number) => new Date(NOW.getTime() + count * 1_000);
    assert.deepEqual(renderChanges(loading, viewAt(seconds(299), { tablesCopied: 39 })), []);
    assert.equal(renderChanges(loading, viewAt(seconds(301))).length, 1);
    const half = String(1300 * 1024 * 1024);
    assert.match(
      renderChanges(loading, viewAt(seconds(1), { bytesDone: half, parts: 300, partsCopied: 120 })).join(),
      /^load: 50 %, 1\.3 GB of 2\.5 GB, 38 of 94 tables, 120 of 300 parts, /,
    );
  });

  it('tell of the next stage, and of lag now and then', () => {
    const monitoring: MigrationView = {
      state: monitoringState(),
      live: [monitorFigures()],
      workflow: 'running',
    };
    const lines = renderChanges(loading, monitoring);
    assert.ok(lines.includes('load: done in 3 m 0 s'));
    assert.ok(lines.some((line) => line.startsWith('lag 1.2 MB, 35 ms')));
    const soon = { ...monitoring, live: [monitorFigures({ at: '2026-12-01T00:09:59.500Z', lagMs: 36 })] };
    assert.deepEqual(renderChanges(monitoring, soon), []);
    const later = { ...monitoring, live: [monitorFigures({ at: '2026-12-01T00:10:30Z', lagMs: 37 })] };
    assert.equal(renderChanges(soon, later).length, 1);
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
    assert.deepEqual(renderChanges(loading, view), [
      'orders: blocked in load: COPY_FAILED: no',
      '  mend it: GRANT x',
    ]);
    const silent = { ...loading, problem: { code: 'NO_WORKER' as const, message: 'No worker answers.' } };
    assert.deepEqual(renderChanges(loading, silent), ['waiting: No worker answers.']);
    assert.deepEqual(renderChanges(silent, loading), ['it answers again']);
  });
});
