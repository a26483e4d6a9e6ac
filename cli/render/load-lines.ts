import type { LoadProgress, MigrationState, StageState, TableProgress } from '../../client/index.js';
import type { Drawing } from './drawing.js';
import { formatBytes, formatDuration, formatMany, formatPercent, formatRate } from './format.js';
import { describePace } from './load-pace.js';
import { CELLS, renderBar } from './progress-bar.js';
import { cutTo, flowTo, padTo, plain, widthOf } from './text.js';

const INDENT = '    ';
const UNKNOWN = '—';
const SHORT_BAR = 10;
const TABLE_BAR = 12;
/** On less than this, names need the room of bars. */
const WIDE = 110;
/** Of a name, that much is seen on the narrowest terminal. */
const LEAST_NAME = 14;
/** Of steps that run, that many are told one by one. */
const STEPS_SHOWN = 8;

/** Behind the name of the stage: how far the rows are, and when they will be in. `room`: columns that are left there. */
export function noteOfLoad(drawing: Drawing, stage: StageState, room: number): string {
  const { state, load, paint } = drawing;
  const { totals } = state;
  if (stage.status === 'done') {
    const tables = formatMany(totals.tables, 'table');
    return paint.dim([tables, ...copiedOf(state), ...indexesOf(state)].join(' · '));
  }
  if (totals.tables === 0) return '';
  // The server tells no bytes of its own copy.
  if (state.method === 'native') return `${formatMany(totals.tables, 'table')}, copied by the target server`;
  if (!load) return '';
  const bar = renderBar(load.fraction, paint, isWide(drawing) ? CELLS : SHORT_BAR);
  const head = `${bar} ${formatPercent(load.fraction)}`;
  const bytes = isMovedBelow(drawing, load, room) ? [] : bytesOf(load);
  return [head, [...bytes, ...leftOf(state, load)].join(' · ')].filter((part) => part !== '').join('  ');
}

/** What there is to say under a load that runs: counts, the tables that are being copied, and what else is done. */
export function renderLoad(drawing: Drawing, room: number): string[] {
  const { state, load, width, paint } = drawing;
  const bytes = load && isMovedBelow(drawing, load, room) ? bytesOf(load) : [];
  const pace = state.status === 'running' ? [describePace(state)].filter((text) => text !== '') : [];
  const counts = [...bytes, ...countsOf(state), ...indexesOf(state), ...pace];
  return [
    ...flowTo(counts, { width, indent: INDENT }).map(paint.dim),
    ...(load ? renderCopies(drawing, load) : []),
    ...renderSteps(drawing),
  ];
}

function isWide({ width }: Drawing): boolean {
  return width >= WIDE;
}

/** Where the line of the stage has no room for them. */
function isMovedBelow(drawing: Drawing, load: LoadProgress, room: number): boolean {
  const cells = isWide(drawing) ? CELLS : SHORT_BAR;
  const note = [...bytesOf(load), ...leftOf(drawing.state, load)].join(' · ');
  return cells + ' 99 %  '.length + widthOf(note) > room;
}

function bytesOf({ bytesDone, bytesPlanned, bytesPerSecond, fraction }: LoadProgress): string[] {
  if (fraction === 1 || bytesPlanned === 0) return [];
  return [
    `${formatBytes(bytesDone)} of ${formatBytes(bytesPlanned)}`,
    ...(bytesPerSecond === undefined ? [] : [formatRate(bytesPerSecond)]),
  ];
}

function leftOf({ status }: MigrationState, { fraction, millisecondsLeft }: LoadProgress): string[] {
  if (fraction === 1) return ['all rows are in'];
  return status === 'running' ? [`all rows in ${formatLeft(millisecondsLeft)}`] : [];
}

function formatLeft(milliseconds: number | undefined): string {
  // Tenths of a second would change at every look.
  return milliseconds === undefined ? UNKNOWN : formatDuration(Math.max(1_000, milliseconds));
}

/** Parts only where there are more of them than tables. */
function countsOf({ totals, method }: MigrationState): string[] {
  if (method === 'native' || totals.tables === 0) return [];
  const { tables, tablesCopied, parts, partsCopied, rowsCopied } = totals;
  return [
    `${tablesCopied} of ${formatMany(tables, 'table')}`,
    ...(parts > tables ? [`${partsCopied} of ${formatMany(parts, 'part')}`] : []),
    formatMany(Number(rowsCopied), 'row'),
  ];
}

/** What the server copied by itself is not counted. */
function copiedOf({ totals, method }: MigrationState): string[] {
  if (method === 'native') return [];
  return [formatBytes(totals.bytesCopied), formatMany(Number(totals.rowsCopied), 'row')];
}

function indexesOf({ totals }: MigrationState): string[] {
  const { indexes, indexesBuilt, constraints, constraintsBuilt } = totals;
  return [
    ...(indexes > 0 ? [`${indexesBuilt} of ${formatMany(indexes, 'index', 'indexes')}`] : []),
    ...(constraints > 0 ? [`${constraintsBuilt} of ${formatMany(constraints, 'key')}`] : []),
  ];
}

/** A line a table, in columns: what is done of it, parts if it is split, rate, time left. */
function renderCopies(drawing: Drawing, { copying, moreCopying }: LoadProgress): string[] {
  const { paint, width } = drawing;
  const shown = copying.slice(0, drawing.copies);
  const hasRates = shown.some(({ bytesPerSecond }) => bytesPerSecond !== undefined);
  const facts = alignLeft(withoutEmpty(shown.map((table) => factsOf(table, hasRates))));
  const bars = shown.map(({ fraction }) =>
    isWide(drawing)
      ? `${renderBar(fraction, paint, TABLE_BAR)} ${formatPercent(fraction).padStart(4)}  `
      : '',
  );
  const room = width - INDENT.length - 2 - widthOf(bars[0] ?? '') - widthOf(facts[0] ?? '');
  const longest = Math.max(0, ...shown.map(({ table }) => widthOf(plain(table))));
  const nameWidth = Math.min(longest, Math.max(room, LEAST_NAME));
  const lines = shown.map(({ table }, index) => {
    const name = padTo(cutTo(plain(table), nameWidth), nameWidth);
    return `${INDENT}${name}  ${bars[index] ?? ''}${facts[index] ?? ''}`.trimEnd();
  });
  const more = copying.length - shown.length + moreCopying;
  const rest = `${INDENT}… and ${formatMany(more, 'more table')} being copied`;
  return more > 0 ? [...lines, paint.dim(rest)] : lines;
}

function factsOf(progress: TableProgress, hasRates: boolean): string[] {
  const { bytesDone, bytesPlanned, parts, partsCopied, bytesPerSecond, millisecondsLeft } = progress;
  return [
    `${formatBytes(bytesDone)} of ${formatBytes(bytesPlanned)}`,
    parts > 1 ? `${partsCopied} of ${parts} parts` : '',
    ...(hasRates ? [bytesPerSecond === undefined ? UNKNOWN : formatRate(bytesPerSecond)] : []),
    ...(hasRates ? [millisecondsLeft === undefined ? UNKNOWN : `${formatLeft(millisecondsLeft)} left`] : []),
  ];
}

/** Without the columns in which no row has anything. */
function withoutEmpty(rows: string[][]): string[][] {
  return rows.map((cells) => cells.filter((_, column) => rows.some((row) => (row[column] ?? '') !== '')));
}

/** Joins the cells of each row, each column as wide as its widest cell. */
function alignLeft(rows: string[][]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((cells) => widthOf(cells[column] ?? ''))),
  );
  return rows.map((cells) => cells.map((cell, column) => padTo(cell, widths[column] ?? 0)).join('  '));
}

/** What the activities do that are no copies: index builds above all. */
function renderSteps({ live, width, paint }: Drawing): string[] {
  const counts = new Map<string, number>();
  for (const figures of live) {
    if (figures.kind === 'step') counts.set(plain(figures.text), (counts.get(plain(figures.text)) ?? 0) + 1);
  }
  const steps = [...counts].map(([text, count]) => (count > 1 ? `${count} × ${text}` : text));
  if (steps.length === 0) return [];
  const shown = steps.slice(0, STEPS_SHOWN);
  const more = steps.length - shown.length;
  const told = [...shown, ...(more > 0 ? [`and ${more} more`] : [])];
  const label = `${INDENT}now: `;
  const [first = '', ...rest] = flowTo(told, { width, indent: ' '.repeat(label.length) });
  return [label + first.trimStart(), ...rest].map(paint.dim);
}
