import type { MigrationReport, ReportTable } from '../../../client/index.js';
import { formatBytes, formatCount, formatDuration, formatMany, formatRate } from '../../render/format.js';
import { renderBars } from '../bars.js';
import { html } from '../html.js';
import { code, facts, formatInstant, table } from '../parts.js';
import type { Section } from '../parts.js';

const DRAWN = 12;
const LISTED = 50;

export function loadSection({ load, method }: MigrationReport): Section | undefined {
  const { totals, tables } = load;
  if (!totals || totals.tables === 0) return undefined;
  const largest = Math.max(1, ...tables.map(sizeOf));
  const bars = tables.slice(0, DRAWN).map((row) => ({
    name: code(row.table),
    value: formatBytes(sizeOf(row)),
    from: 0,
    to: sizeOf(row) / largest,
    ...(row.status === 'waiting' ? { tone: 'faint' as const } : {}),
  }));
  const listed = tables.slice(0, LISTED);
  return {
    id: 'load',
    title: 'Load',
    intro:
      method === 'stream'
        ? 'Bytes are what COPY carried. The rate is of tables that were copied by themselves; small ones travel together.'
        : 'Bytes are what COPY carried, where pgtrek copied itself; else the size on the source’s disk.',
    body: html`${facts([
      ['Tables', `${formatCount(totals.tablesCopied)} of ${formatCount(totals.tables)} copied`],
      ['Rows', Number(totals.rowsCopied) > 0 ? formatCount(totals.rowsCopied) : undefined],
      [
        'Bytes',
        `${formatBytes(totals.bytesCopied)} by COPY, of ${formatBytes(totals.bytesPlanned)} on the source’s disk`,
      ],
      ['Copied', timeOf(load)],
      ['Indexes', `${formatCount(totals.indexesBuilt)} of ${formatCount(totals.indexes)} built`],
      [
        'Keys',
        `${formatCount(totals.constraintsBuilt)} of ${formatCount(totals.constraints)} foreign keys made`,
      ],
    ])}
    ${
      bars.length > 0 &&
      html`<h4>Largest tables</h4>
        ${renderBars(bars, 'The largest tables by bytes')}`
    }
    ${
      listed.length > 0 &&
      table(
        [
          { label: 'Table' },
          { label: 'Rows', kind: 'num' },
          { label: 'By COPY', kind: 'num' },
          { label: 'On disk', kind: 'num' },
          { label: 'Parts', kind: 'num' },
          { label: 'Rate', kind: 'num' },
        ],
        listed.map((row) => [
          code(row.table),
          formatCount(row.rows),
          formatBytes(row.bytesCopied),
          formatBytes(row.bytesPlanned),
          row.parts > 1 ? `${String(row.partsCopied)} of ${String(row.parts)}` : undefined,
          row.bytesPerSecond === undefined ? undefined : formatRate(row.bytesPerSecond),
        ]),
      )
    }
    ${
      load.tablesTotal > listed.length &&
      html`<p class="muted small">
        and ${formatMany(load.tablesTotal - listed.length, 'smaller table')}: pgtrek tables lists all of them.
      </p>`
    }`,
  };
}

function sizeOf({ bytesCopied, bytesPlanned }: ReportTable): number {
  return Number(bytesCopied) || Number(bytesPlanned);
}

function timeOf({ startedAt, endedAt, bytesPerSecond }: MigrationReport['load']): string | undefined {
  if (startedAt === undefined || endedAt === undefined) return undefined;
  const took = formatDuration(Date.parse(endedAt) - Date.parse(startedAt));
  const rate =
    bytesPerSecond === undefined ? '' : `, ${formatRate(bytesPerSecond)} while something was copied`;
  return `${formatInstant(startedAt)} to ${formatInstant(endedAt)} (${took}${rate})`;
}
