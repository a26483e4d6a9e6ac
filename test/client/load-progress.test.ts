import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { addLook, lookAtLoad } from '../../client/load-looks.js';
import { measureLoad, measureOnce } from '../../client/load-progress.js';
import type { LoadLook } from '../../client/load-looks.js';
import type { LoadProgress } from '../../client/load-progress.js';
import type { CopyFigures, MigrationState, RunningFigures, TableRow } from '../../client/index.js';
import { loadingState } from '../cli/render/sample-state.js';

const START = Date.parse('2026-12-01T00:06:00Z');
const at = (seconds: number) => new Date(START + seconds * 1_000);

/** 1,000 bytes in two tables: `a` of 800 in four parts, `b` of 200 whole. Nothing is done yet. */
function plan(
  totals: Partial<MigrationState['totals']> = {},
  rest: Partial<MigrationState> = {},
): MigrationState {
  const none = { tablesCopied: 0, partsCopied: 0, bytesDone: '0', bytesCopied: '0', rowsCopied: '0' };
  const planned = { tables: 2, parts: 5, bytesPlanned: '1000' };
  return loadingState({ totals: { ...loadingState().totals, ...planned, ...none, ...totals }, ...rest });
}

function copy(
  table: string,
  bytes: number,
  rest: Partial<CopyFigures> & { since?: string } = {},
): RunningFigures {
  return { kind: 'copy', table, bytes: String(bytes), bytesPlanned: '200', ...rest };
}

function rowOfA(partsCopied: number, bytesCopied: number): TableRow {
  const copied = { bytesCopied: String(bytesCopied), rows: '0', partsCopied };
  return { table: 'a', status: 'copying', bytesPlanned: '800', parts: 4, ...copied };
}

function watch(moments: [seconds: number, state: MigrationState, live?: RunningFigures[]][]): LoadProgress[] {
  let looks: LoadLook[] = [];
  return moments.map(([seconds, state, live = []]) => {
    const look = lookAtLoad(state, live, at(seconds));
    assert.ok(look);
    looks = addLook(looks, look);
    const progress = measureLoad(looks);
    assert.ok(progress);
    return progress;
  });
}

const [finished, running] = [{ bytesDone: '400', bytesCopied: '600' }, copy('a', 150, { part: 3 })];

describe('the progress of a load', () => {
  const ONE_LOOK: {
    it: string;
    state: MigrationState;
    live?: RunningFigures[];
    seconds: number;
    is: Partial<LoadProgress>;
  }[] = [
    {
      it: 'is nothing, at an unknown rate, at first',
      state: plan(),
      seconds: 5,
      is: { fraction: 0, bytesPerSecond: undefined, millisecondsLeft: undefined },
    },
    {
      it: 'counts what was planned of what is finished, and the bytes of COPY for the rate',
      state: plan(finished),
      seconds: 10,
      is: { fraction: 0.4, bytesDone: 400, bytesCopied: 600, bytesPerSecond: 60, millisecondsLeft: 15_000 },
    },
    {
      it: 'adds the share of what is being copied',
      state: plan(finished),
      live: [copy('b', 50), copy('c', 50)],
      seconds: 10,
      is: { fraction: 0.5, bytesDone: 500, bytesCopied: 700, millisecondsLeft: 10_000 },
    },
    {
      it: 'counts no more than was planned of a copy that is larger than its table on disk',
      state: plan(finished),
      live: [copy('b', 900)],
      seconds: 10,
      is: { fraction: 0.6, bytesDone: 600, bytesCopied: 1_500 },
    },
    {
      it: 'takes the bytes of a part by what the finished ones of its table have shown',
      state: plan(finished, { copying: [rowOfA(2, 600)] }),
      live: [running],
      seconds: 10,
      is: { fraction: 0.5, bytesDone: 500, bytesCopied: 750 },
    },
    {
      it: 'is not complete, and its end unknown, while rows may be on their way',
      state: plan({ tablesCopied: 1, bytesDone: '800', bytesCopied: '800' }),
      live: [copy('b', 400)],
      seconds: 10,
      is: { fraction: 0.99, bytesDone: 1_000, millisecondsLeft: undefined },
    },
    {
      it: 'is complete with its last table',
      state: plan({ tablesCopied: 2, bytesDone: '1000', bytesCopied: '700' }),
      seconds: 10,
      is: { fraction: 1, bytesCopied: 700, bytesPerSecond: undefined, millisecondsLeft: undefined },
    },
    {
      it: 'of empty tables goes by their number',
      state: plan({ bytesPlanned: '0', tablesCopied: 1 }),
      seconds: 10,
      is: { fraction: 0.5, millisecondsLeft: undefined },
    },
    {
      it: 'expects nothing while it is paused',
      state: plan(finished, { status: 'paused' }),
      seconds: 10,
      is: { fraction: 0.4, bytesPerSecond: undefined, millisecondsLeft: undefined },
    },
    {
      it: 'has no rate by a clock that is behind the server’s',
      state: plan(finished),
      seconds: -30,
      is: { fraction: 0.4, bytesPerSecond: undefined, millisecondsLeft: undefined },
    },
  ];
  for (const { it: name, state, live = [], seconds, is } of ONE_LOOK) {
    it(name, () => {
      const progress = measureOnce(state, live, at(seconds));
      assert.deepEqual({ ...progress, ...is }, progress);
    });
  }

  it('is not told where we copy no rows', () => {
    assert.equal(measureOnce(plan({ tables: 0 }), [], at(5)), undefined);
    assert.equal(measureOnce(plan({ parts: 0, bytesPlanned: '0' }), [], at(5)), undefined);
    assert.equal(measureOnce(plan(finished, { method: 'native' }), [], at(5)), undefined);
    assert.equal(measureOnce(plan(finished, { stages: [] }), [], at(5)), undefined);
  });

  it('of a table is the sum of its parts, wherever they run', () => {
    const since = at(0).toISOString();
    const parts = [copy('a', 150, { part: 3, since }), copy('a', 75, { part: 4, since })];
    const state = plan(finished, { copying: [rowOfA(2, 600)] });
    const [a, b] = measureOnce(state, [...parts, copy('b', 20)], at(10))?.copying ?? [];
    assert.deepEqual(a, {
      table: 'a',
      parts: 4,
      partsCopied: 2,
      fraction: 550 / 800,
      bytesDone: 550,
      bytesPlanned: 800,
      bytesCopied: 825,
      bytesPerSecond: 22.5,
      // 250 bytes of the plan, two for three of COPY: 15 a second.
      millisecondsLeft: (250 / 15) * 1_000,
    });
    assert.deepEqual([b?.table, b?.bytesDone, b?.bytesPerSecond], ['b', 20, undefined]);
  });

  it('tells the 20 largest of many tables', () => {
    const live = Array.from({ length: 500 }, (_, n) => copy(`t${n}`, n, { bytesPlanned: String(n) }));
    const progress = measureOnce(plan(), live, at(5));
    assert.equal(progress?.copying.length, 20);
    assert.deepEqual([progress.copying[0]?.table, progress.moreCopying], ['t499', 480]);
  });

  it('while watched goes by the last minute, not by what was before', () => {
    const counted = (bytes: number) => plan({ bytesDone: String(bytes), bytesCopied: String(bytes * 2) });
    const views = watch(Array.from({ length: 100 }, (_, n) => [n, counted(n < 30 ? 10 * n : 270 + n)]));
    const [early, late] = [views[20], views[99]];
    assert.equal(early?.bytesPerSecond, 20);
    assert.equal(early.millisecondsLeft, 80_000);
    assert.equal(late?.bytesPerSecond, 2);
    assert.equal(late.millisecondsLeft, 631_000);
  });

  it('never goes back, and waits, when a figure falls for a moment', () => {
    const views = watch([
      [0, plan(finished), [copy('b', 100)]],
      [5, plan(finished), [copy('b', 180)]],
      [6, plan(finished), [copy('b', 0)]],
      [7, plan({ bytesDone: '600', bytesCopied: '790' })],
    ]);
    assert.deepEqual(
      views.map(({ bytesDone }) => bytesDone),
      [500, 580, 580, 600],
    );
    assert.ok(views.every(({ millisecondsLeft = 1 }) => millisecondsLeft > 0));
  });

  it('has an unknown end while nothing moves, and forgets a standstill', () => {
    const counted = (bytes: number) => plan({ bytesDone: String(bytes), bytesCopied: String(bytes) });
    const views = watch([
      [0, counted(100)],
      [10, counted(200)],
      [20, counted(200)],
      [30, counted(200)],
      [300, counted(200)],
      [310, counted(300)],
    ]);
    assert.deepEqual(
      views.map(({ millisecondsLeft }) => millisecondsLeft !== undefined),
      [false, true, true, false, false, true],
    );
    assert.equal(views[3]?.bytesPerSecond, 100 / 30);
    assert.equal(views[5]?.millisecondsLeft, 70_000);
  });

  it('begins anew with a new plan, and with a lane that was given up', () => {
    const views = watch([
      [0, plan(finished)],
      [10, plan({ ...finished, bytesDone: '500' })],
      [11, plan({ bytesDone: '100' })],
      [12, plan({ bytesDone: '100', bytesPlanned: '2000' })],
    ]);
    assert.deepEqual(
      views.map(({ bytesDone, bytesPlanned }) => [bytesDone, bytesPlanned]),
      [
        [400, 1_000],
        [500, 1_000],
        [100, 1_000],
        [100, 2_000],
      ],
    );
  });

  it('keeps a minute of looks, a second apart, however often one looks', () => {
    let looks: LoadLook[] = [];
    for (let n = 0; n < 5_000; n++) {
      const look = lookAtLoad(plan(finished), [copy('b', n / 50)], at(n / 20));
      if (look) looks = addLook(looks, look);
    }
    assert.ok(looks.length <= 62, String(looks.length));
    assert.ok((looks.at(-1)?.at ?? 0) - (looks[0]?.at ?? 0) >= 58_000);
  });
});
