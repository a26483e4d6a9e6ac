import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { addLive, renderTables, sortTables } from '../../../cli/render/tables.js';
import type { TableRow } from '../../../client/index.js';

const MEGABYTE = 1024 ** 2;

function row(
  table: string,
  status: TableRow['status'],
  megabytes: number,
  rest: Partial<TableRow> = {},
): TableRow {
  const none = { bytesCopied: '0', rows: '0', parts: 1, partsCopied: 0 };
  return { table, status, bytesPlanned: String(megabytes * MEGABYTE), ...none, ...rest };
}

function copy(table: string, megabytes: number) {
  return { kind: 'copy' as const, table, bytes: String(megabytes * MEGABYTE), bytesPlanned: '0' };
}

const ROWS = [
  row('public.actor', 'copied', 1, { bytesCopied: '900000', rows: '200', partsCopied: 1 }),
  row('public.city', 'waiting', 2),
  row('public.film', 'waiting', 30),
  row('public.orders', 'copying', 1024, {
    parts: 4,
    partsCopied: 2,
    rows: '1234567',
    bytesCopied: String(400 * MEGABYTE),
  }),
  row('public.rental', 'waiting', 40),
];

describe('tables', () => {
  it('stand in columns, with parts, what is under way first and the largest first', () => {
    const live = [copy('public.orders', 60), copy('public.orders', 40), copy('public.film', 3)];
    const tables = sortTables(addLive(ROWS, live));
    assert.deepEqual(renderTables({ total: 5, offset: 0, tables }, 80), [
      'table          status        rows  planned  copied   parts',
      'public.orders  copying  1,234,567   1.0 GB  500 MB  2 of 4',
      'public.film    copying          0  30.0 MB  3.0 MB',
      'public.rental  waiting          0  40.0 MB     0 B',
      'public.city    waiting          0   2.0 MB     0 B',
      'public.actor   copied         200   1.0 MB  879 kB',
    ]);
  });

  it('say nothing of parts where none is split, and how to see more', () => {
    assert.deepEqual(renderTables({ total: 5_000, offset: 100, tables: ROWS.slice(0, 1) }, 80), [
      'table         status  rows  planned  copied',
      'public.actor  copied   200   1.0 MB  879 kB',
      '101 of 5,000; go on with --offset 101',
    ]);
  });

  it('are not known before the load is planned', () => {
    assert.match(renderTables({ total: 0, offset: 0, tables: [] }, 80).join(), /^no tables yet/);
  });

  it('that are in stay so, whatever an old heartbeat says', () => {
    assert.deepEqual(addLive(ROWS.slice(0, 1), [copy('public.actor', 1)]), ROWS.slice(0, 1));
  });
});
