import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renderStatus } from '../../../cli/render/status.js';
import { widthOf } from '../../../cli/render/text.js';
import type { CutoverReport, Drift } from '../../../client/index.js';
import { NOW, STOP_REPORT, loadingState, monitorFigures, monitoringState } from './sample-state.js';

const ends = { source: 'db1:5432/orders', target: 'db2:5432/orders' };
const options = { width: 120, now: NOW, ends };

describe('status', () => {
  it('of a load shows a bar, the rate, the running copies and the countdown to the stop', () => {
    const copies = [
      { kind: 'copy' as const, table: 'audit.log', bytes: '1048576', bytesPlanned: '94371840' },
      { kind: 'copy' as const, table: 'public.order_lines', bytes: '125829120', bytesPlanned: '209715200' },
    ];
    assert.deepEqual(renderStatus(loadingState(), copies, { ...options, events: 1 }), [
      'orders  ▶ running for 4 m 10 s  full-load-and-cdc  db1:5432/orders → db2:5432/orders',
      '',
      '✔ validate   1.2 s      1 ok, 1 warning',
      '✔ dump       3.4 s',
      '✔ restore    5.2 s',
      '✔ publish    180 ms',
      '▶ load       4 m 0 s    ━━━━━━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌╌ 49 %  1.2 GB of 2.5 GB · 5.3 MB/s · all rows in 4 m 3 s',
      '    38 of 94 tables · 12,345,678 rows · 12 of 40 indexes',
      '    public.order_lines  ━━━━━━━╌╌╌╌╌ 60 %  120 MB of 200 MB',
      '    audit.log           ╌╌╌╌╌╌╌╌╌╌╌╌  1 %  1.0 MB of 90.0 MB',
      '· subscribe',
      '· monitor',
      '· stop                  in 1 h 50 m, at 2026-12-01 02:00:00 UTC, then finish',
      '',
      'lane pgtrek_orders_1  loading     94 tables',
      '',
      '00:06:00  published  94 tables in pgtrek_orders_1',
    ]);
  });

  const since = '2026-12-01T00:09:00Z';
  const parts = [
    { kind: 'copy' as const, table: 'public.order_lines', part: 3, bytes: '125829120', since },
    { kind: 'copy' as const, table: 'public.order_lines', part: 4, bytes: '20971520', since },
    { kind: 'copy' as const, table: 'audit."Log Of Everything"', bytes: '94371840', since },
    { kind: 'copy' as const, table: 'public.country', bytes: '0' },
  ].map((copy) => ({ ...copy, bytesPlanned: '268435456' }));
  const steps = ['build index a', 'build index b', 'copy', 'copy'].map((text) => ({
    kind: 'step' as const,
    text,
  }));
  const splitState = loadingState({
    totals: { ...loadingState().totals, parts: 300, partsCopied: 120, constraints: 10 },
    copying: [
      {
        table: 'public.order_lines',
        status: 'copying',
        bytesPlanned: '1610612736',
        bytesCopied: '524288000',
        rows: '3000000',
        parts: 6,
        partsCopied: 2,
      },
    ],
  });
  const loadLinesOf = (lines: string[]) =>
    lines.slice(
      lines.findIndex((line) => line.startsWith('▶ load')),
      lines.indexOf('· subscribe'),
    );

  it('of a load of split tables sums up what runs of each, and tells what else runs', () => {
    const lines = renderStatus(splitState, [...parts, ...steps], options);
    assert.deepEqual(loadLinesOf(lines), [
      '▶ load       4 m 0 s    ━━━━━━━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌ 54 %  1.4 GB of 2.5 GB · 5.8 MB/s · all rows in 3 m 23 s',
      '    38 of 94 tables · 120 of 300 parts · 12,345,678 rows · 12 of 40 indexes · 0 of 10 keys',
      '    public.order_lines         ━━━━━╌╌╌╌╌╌╌ 42 %  655 MB of 1.5 GB   2 of 6 parts  2.3 MB/s  6 m 9 s left',
      '    audit."Log Of Everything"  ━━━━╌╌╌╌╌╌╌╌ 35 %  90.0 MB of 256 MB                1.5 MB/s  1 m 51 s left',
      '    public.country             ╌╌╌╌╌╌╌╌╌╌╌╌  0 %  0 B of 256 MB                    —         —',
      '    now: build index a · build index b · 2 × copy',
    ]);
  });

  it('of a load has the same on 80 columns', () => {
    const lines = renderStatus(splitState, [...parts, ...steps], { ...options, width: 80 });
    assert.deepEqual(loadLinesOf(lines), [
      '▶ load       4 m 0 s    ━━━━━╌╌╌╌╌ 54 %  all rows in 3 m 23 s',
      '    1.4 GB of 2.5 GB · 5.8 MB/s · 38 of 94 tables · 120 of 300 parts',
      '    12,345,678 rows · 12 of 40 indexes · 0 of 10 keys',
      '    public.order_lines  655 MB of 1.5 GB   2 of 6 parts  2.3 MB/s  6 m 9 s left',
      '    audit."Log Of Eve…  90.0 MB of 256 MB                1.5 MB/s  1 m 51 s left',
      '    public.country      0 B of 256 MB                    —         —',
      '    now: build index a · build index b · 2 × copy',
    ]);
  });

  it('of a load with 500 copies stays readable', () => {
    const live = Array.from({ length: 500 }, (_, n) => ({
      kind: 'copy' as const,
      table: `big.t${n % 100}`,
      part: n,
      bytes: '1000',
      bytesPlanned: '100000',
    }));
    const lines = loadLinesOf(renderStatus(splitState, live, options));
    assert.equal(lines.length, 23);
    assert.equal(lines.at(-1), '    … and 81 more tables being copied');
    const short = loadLinesOf(renderStatus(splitState, live, { ...options, copies: 4 }));
    assert.deepEqual([short.length, short.at(-1)], [7, '    … and 97 more tables being copied']);
  });

  it('of a load whose rows are in says so, and what is built', () => {
    const { totals } = splitState;
    const copied = { tablesCopied: 94, partsCopied: 300, bytesDone: totals.bytesPlanned };
    const state = { ...splitState, copying: [], totals: { ...totals, ...copied } };
    assert.deepEqual(loadLinesOf(renderStatus(state, steps.slice(0, 1), options)), [
      '▶ load       4 m 0 s    ━━━━━━━━━━━━━━━━━━━━━━━━ 100 %  all rows are in',
      '    94 of 94 tables · 300 of 300 parts · 12,345,678 rows · 12 of 40 indexes · 0 of 10 keys',
      '    now: build index a',
    ]);
  });

  it('tells what was set aside, whatever else has happened since', () => {
    const aside = {
      n: 3,
      at: since,
      kind: 'set-aside',
      text: 'table audit.log: rewritten while it was copied',
    };
    const later = { n: 4, at: since, kind: 'retry', text: 'by ann' };
    const events = [aside, ...Array.from({ length: 9 }, () => later)];
    const lines = renderStatus(loadingState({ events }), [], options);
    const begin = lines.indexOf('⚠ set aside:');
    assert.equal(lines[begin + 1], '  table audit.log: rewritten while it was copied');
    assert.equal(lines.filter((line) => line.includes('audit.log')).length, 1);
  });

  it('of a blocked stage begins with the reason, and keeps the statement whole', () => {
    const remedy = `GRANT SELECT ON ${Array.from({ length: 20 }, (_, n) => `audit.log_${n}`).join(', ')} TO mover;`;
    const blocked = {
      stage: 'load' as const,
      code: 'PERMISSION_DENIED' as const,
      message: 'permission denied for table log',
      object: 'audit.log',
      remedy,
      since: '2026-12-01T00:09:00Z',
    };
    const lines = renderStatus(loadingState({ status: 'blocked', blocked }), [], { ...options, width: 60 });
    const reason = lines.indexOf('✖ load is blocked: PERMISSION_DENIED (audit.log)');
    assert.ok(reason > 0 && reason < lines.findIndex((line) => line.startsWith('✔ validate')));
    assert.ok(
      lines
        .map((line) => line.trim())
        .join(' ')
        .includes(remedy),
    );
    assert.ok(lines.some((line) => line.startsWith('✖ load ')));
    assert.ok(!lines.join('\n').includes('left'));
  });

  it('of one that validate blocks tells the first findings that do, each with its remedy, and how many more', () => {
    const findings = Array.from({ length: 7 }, (_, n) => ({
      id: 'source.replica_identity',
      scope: `source.table public.t${String(n)}`,
      verdict: 'block' as const,
      why: `Table public.t${String(n)} has no key.`,
      remedy: `ALTER TABLE public.t${String(n)} REPLICA IDENTITY FULL;`,
      restart: true,
    }));
    const message = 'Table public.t0 has no key. (and 6 more findings)';
    const blocked = { stage: 'validate' as const, code: 'VALIDATION_FAILED' as const, message, since: '' };
    for (const width of [40, 120]) {
      const state = loadingState({ stage: 'validate', status: 'blocked', blocked, findings });
      const lines = renderStatus(state, [], { ...options, width });
      const text = lines.join('\n').replaceAll(/\s+/g, ' ');
      assert.match(text, /✖ validate is blocked: VALIDATION_FAILED source · table ✖ block/);
      assert.match(
        text,
        /public\.t4 has no key\. ALTER TABLE public\.t4 REPLICA IDENTITY FULL; needs restart/,
      );
      assert.doesNotMatch(text, /public\.t5/);
      assert.match(text, /and 2 more blocks: pgtrek validate -f <spec> then: pgtrek retry orders/);
      assert.match(text, /pgtrek abort orders/);
      assert.deepEqual(
        lines.filter((line) => widthOf(line) > width),
        [],
      );
    }
  });

  it('tells of stages to come what they will take', () => {
    const estimates = [{ stage: 'subscribe' as const, seconds: 40, bytes: '5368709120', how: 'it' }];
    const lines = renderStatus(loadingState({ estimates }), [], options);
    assert.ok(lines.includes('· subscribe             about 40 s, 5 GB'), lines.join('\n'));
  });

  it('of a replication shows lag, rates and what is wrong with a lane', () => {
    const figures = monitorFigures(
      { drainSeconds: null },
      {
        slotActive: false,
        walStatus: 'unreserved',
        errors: { apply: '3', conflicts: { insert_exists: '2' } },
      },
    );
    const text = renderStatus(monitoringState(), [figures], options).join('\n');
    assert.match(
      text,
      /▶ monitor +59\.0 s +lag 1\.2 MB, 35 ms · source 3\.0 MB\/s, apply 4\.0 MB\/s · does not catch up/,
    );
    assert.match(
      text,
      /WAL kept 50\.0 MB\n {5}⚠ slot not active · slot unreserved · 3 apply errors · 2 × insert_exists/,
    );
  });

  it('of a replication without live figures shows the last that were returned', () => {
    const text = renderStatus(
      monitoringState({ monitor: monitorFigures({ lagMs: null }) }),
      [],
      options,
    ).join('\n');
    assert.match(text, /lag 1\.2 MB · source/);
  });

  it('of a stopped one says where it stands and what comes next', () => {
    const stop = {
      kind: 'at' as const,
      at: '2026-12-01T02:00:00Z',
      then: 'wait' as const,
      report: STOP_REPORT,
    };
    const text = renderStatus(monitoringState({ status: 'stopped', stop }), [], options).join('\n');
    assert.match(text, /marker at 02:00:00\.004 UTC, 4 ms after the planned time; stood 62 ms later/);
    assert.match(text, /pgtrek_orders_1 stands at 16\/B374D848/);
    for (const next of ['finish', 'cutover', 'resume', 'abort'])
      assert.match(text, new RegExp(`^(next:|     )  pgtrek ${next} orders `, 'm'));
  });

  it('of one that stands at a position tells the overshoot in bytes', () => {
    const { overshootMs: _, plannedAt: __, ...report } = STOP_REPORT;
    const at = { plannedLsn: '16/B374D000', overshootBytes: '2120' };
    const stop = { kind: 'lsn' as const, lsn: '16/B374D000', then: 'wait' as const };
    const planned = renderStatus(monitoringState({ stop }), [], options).join('\n');
    assert.match(planned, /· stop +at 16\/B374D000 of the source’s log, then wait$/m);
    const stopped = monitoringState({ status: 'stopped', stop: { ...stop, report: { ...report, ...at } } });
    assert.match(
      renderStatus(stopped, [], options).join('\n'),
      /marker at 02:00:00\.004 UTC, 2\.1 kB past 16\/B374D000; stood 62 ms later/,
    );
  });

  it('of a paused load says since when, by whom, what goes on, and how to resume', () => {
    const paused = { since: '2026-12-01T00:09:00Z', by: 'ann' };
    const lines = renderStatus(loadingState({ status: 'paused', paused }), [], { ...options, events: 0 });
    assert.match(lines[0] ?? '', /^orders {2}‖ paused /);
    assert.deepEqual(lines.slice(2, 5), [
      '‖ paused since 00:09:00 by ann',
      '  No new copy or index job begins, and those under way are finished. The snapshot stays open on the source meanwhile.',
      '  go on:  pgtrek resume orders',
    ]);
    assert.ok(!lines.join('\n').includes(' left'));
  });

  it('of a paused replication says whether the lanes stand yet', () => {
    const paused = { since: '2026-11-30T23:09:00Z' };
    const state = monitoringState({ status: 'paused', paused });
    const text = () => renderStatus(state, [], options).join('\n');
    assert.match(text(), /‖ paused since 2026-11-30 23:09:00\n {2}The lanes are stopping at a marker/);
    state.lanes = state.lanes.map((lane) => ({ ...lane, status: 'stopped' }));
    assert.match(text(), /\n {2}The lanes stand at a marker; the source keeps the WAL/);
  });

  it('of a pause elsewhere says that the next stage waits', () => {
    const paused = { since: '2026-12-01T00:09:00Z' };
    const blocked = { stage: 'dump' as const, code: 'DUMP_FAILED' as const, message: 'it', since: '' };
    const text = renderStatus(
      loadingState({ stage: 'dump', status: 'blocked', paused, blocked }),
      [],
      options,
    ).join('\n');
    assert.match(text, /✖ dump is blocked: DUMP_FAILED/);
    assert.match(text, /‖ paused since 00:09:00\n {2}The next stage does not begin\.\n/);
  });

  it('of a load says how many copies it takes at a time, as long as it runs', () => {
    const load = { jobs: 8, indexJobs: 1 };
    const pace = /^ {4}38 of .* indexes · up to 8 copies and 1 index job at a time$/m;
    assert.match(renderStatus(loadingState({ load }), [], options).join('\n'), pace);
    assert.doesNotMatch(renderStatus(loadingState({ load, status: 'paused' }), [], options).join('\n'), pace);
    const native = renderStatus(loadingState({ load, method: 'native' }), [], options).join('\n');
    assert.match(
      native,
      /▶ load .* 94 tables, copied by the target server\n {4}.*up to 1 index job at a time/,
    );
  });

  it('of drift tells what changed, and how to begin again', () => {
    const drift: Drift = {
      since: '2026-12-01T00:08:00Z',
      changes: [
        { kind: 'column-retyped', object: 'public.orders.note', from: 'text', to: 'varchar(20)' },
        { kind: 'table-added', object: 'public.new\u001b[2J' },
        ...Array.from({ length: 10 }, (_, n) => ({
          kind: 'table-dropped' as const,
          object: `audit.log_${String(n)}`,
        })),
      ],
      total: 40,
      digest: 'd',
    };
    const lines = renderStatus(monitoringState({ drift }), [], options);
    const begin = lines.indexOf('⚠ the schema of the source has changed since 00:08:00: 40 changes');
    assert.deepEqual(lines.slice(begin + 1, begin + 4), [
      '  column public.orders.note: text → varchar(20)',
      '  table public.new [2J was added',
      '  table audit.log_0 was dropped',
    ]);
    assert.deepEqual(lines.slice(begin + 9, begin + 11), [
      '  … and 32 more',
      '  begin again:  pgtrek restart orders --drop-target',
    ]);
  });

  it('of a block by SCHEMA_CHANGED says how to begin again', () => {
    const blocked = { stage: 'load' as const, code: 'SCHEMA_CHANGED' as const, message: 'it', since: '' };
    const text = renderStatus(loadingState({ status: 'blocked', blocked }), [], options).join('\n');
    assert.match(text, /or begin again: {2}pgtrek restart orders --drop-target/);
  });

  const CUTOVERS: [CutoverReport['outcome'], string[]][] = [
    ['ready', ['cutover could begin, 00:09:30']],
    [
      'refused',
      [
        '⚠ cutover was refused: nothing was done, 00:09:30',
        '  the lag is 3 GB',
        '  the schema of the source has changed',
      ],
    ],
    [
      'undone',
      ['⚠ cutover was undone: the lanes go on, 00:09:30', '  the lanes did not stand 5s after the marker'],
    ],
  ];
  const REASONS = {
    refused: ['the lag is 3 GB', 'the schema of the source has changed'],
    undone: ['the lanes did not stand 5s after the marker'],
  } as Record<CutoverReport['outcome'], string[] | undefined>;
  for (const [outcome, told] of CUTOVERS) {
    it(`of a cutover that is ${outcome} tells it, with the reasons`, () => {
      const cutover = { outcome, at: '2026-12-01T00:09:30Z', reasons: REASONS[outcome] ?? [] };
      const lines = renderStatus(monitoringState({ cutover }), [], options);
      const begin = lines.indexOf(told[0] ?? '');
      assert.deepEqual(lines.slice(begin, begin + told.length), told);
      assert.equal(lines[begin + told.length], '');
    });
  }

  it('of a cutover that is done tells what was done and what comes next, until the lanes go on', () => {
    const cutover = {
      outcome: 'done' as const,
      at: '2026-12-01T00:09:30Z',
      reasons: [],
      stop: STOP_REPORT,
      sequencesSet: 12,
    };
    const { stages } = monitoringState();
    const done = monitoringState({
      cutover,
      status: 'stopped',
      stage: 'cutover',
      stages: [...stages, { name: 'cutover', status: 'running', startedAt: '2026-12-01T00:09:30Z' }],
    });
    const text = renderStatus(done, [], options).join('\n');
    assert.match(text, /▶ cutover +30\.0 s +every lane stood 62 ms after the marker · 12 sequences set/);
    assert.match(text, /cutover is done, 00:09:30/);
    assert.match(text, /next: {2}pgtrek finish orders {3}clean up, complete\n {7}pgtrek resume orders/);
    assert.doesNotMatch(text, /pgtrek cutover/);
    assert.doesNotMatch(
      renderStatus(monitoringState({ cutover }), [], options).join('\n'),
      /cutover is done/,
    );
  });

  it('of an ended one says what was done and what is left', () => {
    const outcome = {
      outcome: 'finished' as const,
      leftovers: ['DROP SUBSCRIPTION pgtrek_orders_1;'],
      notes: ['The journal was kept.'],
      sequencesSet: 12,
    };
    const lines = renderStatus(monitoringState({ status: 'completed', outcome }), [], options);
    assert.match(lines[0] ?? '', /✔ completed in 3 m 11 s/);
    for (const line of [
      '12 sequences set',
      'The journal was kept.',
      '  DROP SUBSCRIPTION pgtrek_orders_1;',
    ]) {
      assert.ok(lines.includes(line), line);
    }
    assert.ok(!lines.join('\n').includes('in 1 h 50 m'));
  });

  it('shows alerts, the WAL that is kept against the budget, and the transactions that keep it', () => {
    const alerts = [
      { id: 'wal-80', text: 'our slots hold back 41 GB of WAL', since: '2026-12-01T00:05:00Z' },
    ];
    const open = { user: 'app', database: 'other', state: 'active' };
    const figures = monitorFigures(
      {
        retainedBytes: String(41 * 1024 ** 3),
        walBudget: String(50 * 1024 ** 3),
        openTransactions: [
          { pid: 7, seconds: 7_500, application: 'job', ...open },
          { gid: 'two', seconds: 61, ...open, state: 'prepared' },
          { pid: 8, seconds: 59, ...open },
        ],
      },
      { notReady: ['a.b', 'a.c', 'a.d', 'a.e'], tables: { d: 4 } },
    );
    const text = renderStatus(monitoringState({ alerts }), [figures], options).join('\n');
    assert.match(text, /^⚠ our slots hold back 41 GB of WAL \(since 00:05:00\)$/m);
    assert.match(text, /^WAL kept on the source: 41\.0 GB, 82 % of 50\.0 GB$/m);
    assert.match(
      text,
      /^open on the source for 2 h 5 m: process 7 \(app, database other, job, active\)\nopen on the source for 1 m 1 s: prepared 'two' \(app, database other, prepared\)\nlane/m,
    );
    assert.match(text, /4 tables in state d · a\.b, a\.c, a\.d …$/m);
  });

  it('shows of lanes that are not subscribed yet, or while the target is away, their slots alone', () => {
    const figures = monitorFigures(
      { lagMs: null },
      { slotOnly: true, enabled: false, slotActive: false, tables: {} },
    );
    const loading = loadingState({
      lanes: monitoringState().lanes.map((lane) => ({ ...lane, status: 'loading' })),
    });
    assert.match(
      renderStatus(loading, [figures], options).join('\n'),
      /^lane pgtrek_orders_1  loading     94 tables · WAL kept 50\.0 MB\n\n/m,
    );
    assert.match(
      renderStatus(monitoringState(), [figures], options).join('\n'),
      /lag 1\.2 MB · as the source alone tells/,
    );
  });

  it('says when the workflow was terminated, and when nobody answers', () => {
    const lines = renderStatus(loadingState(), [], {
      ...options,
      workflow: 'terminated',
      problem: 'No worker answers.',
    });
    assert.match(lines[0] ?? '', /✖ terminated/);
    assert.ok(lines.includes('⚠ No worker answers.'));
  });

  for (const width of [40, 60, 80, 200]) {
    it(`fits ${width} columns, in colour too`, () => {
      const copies = [
        { kind: 'copy' as const, table: `public.${'x'.repeat(90)}`, bytes: '1', bytesPlanned: '2' },
      ];
      for (const colour of [false, true]) {
        for (const state of [loadingState(), monitoringState({ monitor: monitorFigures() })]) {
          const lines = renderStatus(state, copies, { ...options, width, colour });
          assert.deepEqual(
            lines.filter((line) => widthOf(line) > width),
            [],
          );
        }
      }
    });
  }
});
