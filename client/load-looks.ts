/** What can be seen of a load at one moment, and which moments its rates are measured over. Pure. */
import type { CopyFigures, MigrationState, TableRow } from '../contract/state.js';
import type { RunningFigures } from './live-figures.js';

export interface LookAtBytes {
  /** Of bytesPlanned, in the same unit: sizes on disk. */
  bytesDone: number;
  bytesPlanned: number;
  /** COPY bytes. */
  bytesCopied: number;
}

/** Times are milliseconds since 1970. */
export interface Moving extends LookAtBytes {
  /** When bytesDone was seen to have grown. */
  movedAt: number;
}

export interface LookAtTable extends Moving {
  table: string;
  parts: number;
  partsCopied: number;
  /** COPY bytes a second of the copies that run, each since it began; undefined where that is not known. */
  speed: number | undefined;
}

export interface LoadLook extends Moving {
  at: number;
  startedAt: number | undefined;
  /** bytesDone of what is finished: it falls only when a load begins again. */
  finished: number;
  /** 0 to 1, for a load of empty tables. */
  tablesShare: number;
  /** Every row is in. */
  isCopied: boolean;
  /** Neither paused nor blocked. */
  isMoving: boolean;
  /** Being copied now, the largest first. */
  tables: LookAtTable[];
}

/** Undefined where no rows are copied by us at this moment, or their parts are not planned yet. */
export function lookAtLoad(
  state: MigrationState,
  live: readonly RunningFigures[],
  now: Date,
): LoadLook | undefined {
  const { totals, stages, status } = state;
  const stage = stages.find(({ name }) => name === 'load');
  if (stage?.status !== 'running' || state.method !== 'stream') return undefined;
  if (totals.tables === 0 || totals.parts === 0) return undefined;
  const tables = lookAtTables(state.copying ?? [], live, now);
  const finished = Number(totals.bytesDone);
  const bytesPlanned = Number(totals.bytesPlanned);
  return {
    at: now.getTime(),
    startedAt: stage.startedAt === undefined ? undefined : Date.parse(stage.startedAt),
    movedAt: now.getTime(),
    finished,
    bytesDone: Math.min(bytesPlanned, finished + sumOf(tables, ({ running }) => running.done)),
    bytesPlanned,
    bytesCopied: Number(totals.bytesCopied) + sumOf(tables, ({ running }) => running.copied),
    tablesShare: totals.tablesCopied / totals.tables,
    isCopied: totals.tablesCopied >= totals.tables,
    isMoving: status === 'running',
    tables: tables.map(({ look }) => look).sort(bySize),
  };
}

function sumOf<T>(items: T[], of: (item: T) => number): number {
  return items.reduce((sum, item) => sum + of(item), 0);
}

function bySize(a: LookAtTable, b: LookAtTable): number {
  return b.bytesPlanned - a.bytesPlanned || a.table.localeCompare(b.table);
}

interface Running {
  look: LookAtTable;
  /** Of the copies that run. */
  running: { done: number; copied: number };
}

/** The state knows the finished parts of the largest tables, heartbeats the copies that run: several of one table, maybe. */
function lookAtTables(rows: TableRow[], live: readonly RunningFigures[], now: Date): Running[] {
  const copies = new Map<string, Copy[]>(rows.map(({ table }) => [table, []]));
  for (const figures of live) {
    if (figures.kind !== 'copy') continue;
    copies.set(figures.table, [...(copies.get(figures.table) ?? []), figures]);
  }
  const rowOf = new Map(rows.map((row) => [row.table, row]));
  return [...copies].map(([table, running]) =>
    lookAtTable(rowOf.get(table) ?? unknownRow(running), running, now),
  );
}

type Copy = CopyFigures & { since?: string };

/** A table that the state does not tell: as if its running copies were all of it. */
function unknownRow(copies: Copy[]): TableRow {
  const planned = sumOf(copies, ({ bytesPlanned }) => Number(bytesPlanned));
  const table = copies[0]?.table ?? '';
  const none = { bytesCopied: '0', rows: '0', parts: 1, partsCopied: 0 };
  return { table, status: 'copying', bytesPlanned: String(planned), ...none };
}

function lookAtTable(row: TableRow, copies: Copy[], now: Date): Running {
  const { table, parts, partsCopied } = row;
  const bytesPlanned = Number(row.bytesPlanned);
  const finished = parts > 0 ? (bytesPlanned * partsCopied) / parts : 0;
  // What its finished parts have shown: COPY bytes for a byte on disk.
  const ratio = finished > 0 && Number(row.bytesCopied) > 0 ? Number(row.bytesCopied) / finished : 1;
  const copied = sumOf(copies, ({ bytes }) => Number(bytes));
  const shares = sumOf(copies, (copy) => Math.min(Number(copy.bytesPlanned), Number(copy.bytes) / ratio));
  const done = Math.min(bytesPlanned - finished, shares);
  return {
    running: { done, copied },
    look: {
      table,
      parts,
      partsCopied,
      bytesPlanned,
      bytesDone: finished + done,
      bytesCopied: Number(row.bytesCopied) + copied,
      movedAt: now.getTime(),
      speed: speedOf(copies, now),
    },
  };
}

/** Rates over less than this say nothing. */
export const SHORTEST_MS = 1_000;

function speedOf(copies: Copy[], now: Date): number | undefined {
  const speeds = copies.flatMap(({ bytes, since }) => {
    const elapsed = since === undefined ? 0 : now.getTime() - Date.parse(since);
    return elapsed >= SHORTEST_MS ? [(Number(bytes) / elapsed) * 1_000] : [];
  });
  return speeds.length > 0 ? sumOf(speeds, (speed) => speed) : undefined;
}

/** Long enough to even out what is done at once, as a table that ends before its plan does; short enough to follow `setLoad`. */
const WINDOW_MS = 60_000;
/** Looks that are kept lie so far apart, however often one looks. */
const APART_MS = 1_000;
/** After so long without progress nobody knows how long it takes; heartbeats come every second or two. */
export const STALL_MS = 15_000;

/** The looks that rates are measured over, oldest first, the newest in it: of the last minute, of one load, without a standstill. */
export function addLook(looks: readonly LoadLook[], look: LoadLook): LoadLook[] {
  const last = looks.at(-1);
  if (!last || !isSameLoad(last, look)) return [look];
  const next = neverLess(last, look);
  if (next.movedAt - last.movedAt > STALL_MS) return [last, next];
  const recent = looks.filter(({ at }) => at >= next.at - WINDOW_MS);
  const before = recent.at(-2);
  if (before && last.at - before.at < APART_MS) recent.pop();
  return [...recent, next];
}

function isSameLoad(last: LoadLook, look: LoadLook): boolean {
  return (
    last.startedAt === look.startedAt &&
    last.bytesPlanned === look.bytesPlanned &&
    last.finished <= look.finished
  );
}

/** Between the end of a copy and the word of it in the state, and when a copy begins again, figures fall for a moment. */
function neverLess(last: LoadLook, look: LoadLook): LoadLook {
  const known = new Map(last.tables.map((table) => [table.table, table]));
  const raise = <T extends Moving>(now: T, before: Moving | undefined): T => ({
    ...now,
    bytesDone: Math.max(now.bytesDone, before?.bytesDone ?? 0),
    bytesCopied: Math.max(now.bytesCopied, before?.bytesCopied ?? 0),
    movedAt: before && now.bytesDone <= before.bytesDone ? before.movedAt : look.at,
  });
  return {
    ...raise(look, last),
    tables: look.tables.map((table) => raise(table, known.get(table.table))),
  };
}
