import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { collectActivity } from '../../../client/report/collect-activity.js';
import { collectState, openCollection } from '../../../client/report/collected.js';
import type { Collected } from '../../../client/report/collected.js';
import { cutoversOf } from '../../../client/report/cutovers.js';
import type { CutOver } from '../../../contract/activities.js';
import type { FenceReport } from '../../../contract/cutover.js';
import type { MigrationEvent } from '../../../contract/state.js';
import { parseSpec } from '../../../contract/spec.js';
import { reversedRun } from '../../../contract/reversed.js';
import { specNamed } from '../fixtures/specs.js';
import { loadingState } from '../../cli/render/sample-state.js';

const RUN = { name: 'orders', owner: 'owner', spec: parseSpec(specNamed('orders')) };

const at = (second: number) => new Date(Date.parse('2026-12-01T02:00:00Z') + second * 1_000).toISOString();

const fenceAt = (second: number): FenceReport => ({
  kind: 'lock',
  begunAt: at(second),
  steps: [],
  pauseMs: 200,
  cancelled: 0,
  ended: 0,
  hooks: [],
  warnings: [],
});

function takeCutOver(collected: Collected, second: number, result: CutOver, run = RUN): void {
  const input = { run, marker: {}, maxPause: '5s', retired: [], reverse: [] };
  const ended = { input, result, summary: 'cut over', startedAt: at(second - 1), endedAt: at(second) };
  collectActivity(collected, 'cutOver', ended);
}

const eventOf = (n: number, second: number, text: string, kind = 'cutover'): MigrationEvent => ({
  n,
  at: at(second),
  kind,
  text,
});

describe('the cutovers of a report', () => {
  it('are told once, whether state, activity or event tells of them, and a rollback by its way', () => {
    const collected = openCollection();
    collected.spec = RUN.spec;
    takeCutOver(collected, 10, { outcome: 'undone', reasons: ['the fence was not had'], fence: fenceAt(9) });
    takeCutOver(collected, 100, { outcome: 'done', sequences: 4, fence: fenceAt(99) });
    takeCutOver(collected, 900, { outcome: 'done', sequences: 4, fence: fenceAt(899) }, reversedRun(RUN));
    const told = {
      outcome: 'done' as const,
      at: at(100.2),
      reasons: [],
      sequencesSet: 4,
      fence: fenceAt(99),
    };
    collectState(collected, loadingState({ cutover: told }));
    const events = [
      eventOf(1, 0, 'no cutover was begun: the lag is 3 GB; the schema has changed'),
      eventOf(2, 5, 'cutover was asked for by ada'),
      eventOf(3, 10.1, 'the cutover was undone, and the lanes go on: the fence was not had'),
      eventOf(4, 100.2, 'every lane stands and the sequences are set: the target can be used'),
    ];
    assert.deepEqual(
      cutoversOf(collected, events).map(({ outcome, direction, reasons, fence }) => [
        outcome,
        direction,
        fence?.begunAt,
        ...reasons,
      ]),
      [
        ['refused', 'forward', undefined, 'the lag is 3 GB; the schema has changed'],
        ['undone', 'forward', at(9), 'the fence was not had'],
        ['done', 'forward', at(99)],
        ['done', 'back', at(899)],
      ],
    );
  });
});
