import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renderStatus } from '../../../cli/render/status.js';
import { widthOf } from '../../../cli/render/text.js';
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
      '▶ load       4 m 0 s    ━━━━━━━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌ 50 %  1.3 GB of 2.5 GB · 38 of 94 tables · 5.3 MB/s · 4 m 0 s left',
      '    public.order_lines  ━━━━━━━╌╌╌╌╌  120 MB of 200 MB',
      '    audit.log           ╌╌╌╌╌╌╌╌╌╌╌╌  1.0 MB of 90.0 MB',
      '    12 of 40 indexes',
      '· subscribe',
      '· monitor',
      '· stop                  in 1 h 50 m, at 2026-12-01 02:00:00 UTC, then finish',
      '',
      'lane pgtrek_orders_1  loading     94 tables',
      '',
      '00:06:00  published  94 tables in pgtrek_orders_1',
    ]);
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
    assert.match(text, /next: {2}pgtrek finish orders/);
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
