import type { LiveFigures, TableRow, TablesPage } from '../../client/index.js';
import { renderColumns } from './columns.js';
import { formatBytes, formatCount } from './format.js';
import { plain } from './text.js';

const STATUSES: readonly TableRow['status'][] = ['copying', 'waiting', 'copied', 'ready'];

/** What is being copied first, then what waits, then what is done; the largest first. */
export function sortTables(rows: readonly TableRow[]): TableRow[] {
  return [...rows].sort(
    (a, b) =>
      STATUSES.indexOf(a.status) - STATUSES.indexOf(b.status) ||
      Number(b.bytesPlanned) - Number(a.bytesPlanned) ||
      a.table.localeCompare(b.table),
  );
}

/** Adds what the copies that run have carried so far. */
export function addLive(rows: readonly TableRow[], live: readonly LiveFigures[]): TableRow[] {
  const running = new Map<string, bigint>();
  for (const figures of live) {
    if (figures.kind !== 'copy') continue;
    running.set(figures.table, (running.get(figures.table) ?? 0n) + BigInt(figures.bytes));
  }
  return rows.map((row) => {
    const bytes = running.get(row.table);
    const isUnderWay = row.status === 'waiting' || row.status === 'copying';
    if (bytes === undefined || !isUnderWay) return row;
    return { ...row, status: 'copying', bytesCopied: String(BigInt(row.bytesCopied) + bytes) };
  });
}

export function renderTables({ total, offset, tables }: TablesPage, width: number): string[] {
  if (total === 0) return ['no tables yet: they are listed from the load on'];
  const hasParts = tables.some(({ parts }) => parts > 1);
  const right = (title: string) => ({ title, align: 'right' as const });
  const columns = [
    { title: 'table' },
    { title: 'status' },
    right('rows'),
    right('planned'),
    right('copied'),
    ...(hasParts ? [right('parts')] : []),
  ];
  const rows = tables.map((row) => [
    plain(row.table),
    row.status,
    formatCount(row.rows),
    formatBytes(row.bytesPlanned),
    formatBytes(row.bytesCopied),
    ...(hasParts ? [row.parts > 1 ? `${row.partsCopied} of ${row.parts}` : ''] : []),
  ]);
  const end = offset + tables.length;
  const more = end < total ? [`${end} of ${formatCount(total)}; go on with --offset ${end}`] : [];
  return [...renderColumns(columns, rows, width), ...more];
}
