/** How far a load is, how fast it is, and when its rows will be in. Pure. */
import type { MigrationState } from '../contract/state.js';
import type { RunningFigures } from './live-figures.js';
import { SHORTEST_MS, STALL_MS, lookAtLoad } from './load-looks.js';
import type { LoadLook, LookAtBytes, LookAtTable, Moving } from './load-looks.js';

export interface Progress {
  /** 0 to 1: bytesDone of bytesPlanned. 1 only when every row is in. */
  fraction: number;
  /** Of bytesPlanned. What is finished counts all that was planned for it, what is copied now its share. */
  bytesDone: number;
  /** Size on the source's disk (pg_table_size) when it was planned. */
  bytesPlanned: number;
  /** What COPY has carried: more or less than the size on disk. */
  bytesCopied: number;
  /** COPY bytes; undefined while unknown, and while nothing is to be expected. */
  bytesPerSecond: number | undefined;
  /** Until the rows are in, without indexes; undefined while unknown. */
  millisecondsLeft: number | undefined;
}

export interface TableProgress extends Progress {
  table: string;
  /** 1: it is not split. */
  parts: number;
  partsCopied: number;
}

export interface LoadProgress extends Progress {
  /** ISO */
  at: string;
  /** The tables that are being copied, at most 20, the largest first. */
  copying: TableProgress[];
  /** How many more are being copied. */
  moreCopying: number;
}

/** As many as a person can read. */
const TABLES_TOLD = 20;
/** COPY's bytes are not those on disk: what seems done may have rows on their way. */
const NEARLY = 0.99;

/** From a single look: rates are the average since the load began. Undefined where we copy no rows at this moment. */
export function measureOnce(
  state: MigrationState,
  live: readonly RunningFigures[],
  now: Date,
): LoadProgress | undefined {
  const look = lookAtLoad(state, live, now);
  return look && measureLoad([look]);
}

/** From looks as `addLook` keeps them: rates are those between the first and the last. */
export function measureLoad(looks: readonly LoadLook[]): LoadProgress | undefined {
  const last = looks.at(-1);
  if (!last) return undefined;
  const copying = last.tables.slice(0, TABLES_TOLD);
  return {
    at: new Date(last.at).toISOString(),
    fraction: fractionOf(last),
    ...bytesOf(last),
    ...paceOf(last, last, paceOfLoad(looks, last)),
    copying: copying.map((table) => measureTable(table, last, looks)),
    moreCopying: last.tables.length - copying.length,
  };
}

function fractionOf({ isCopied, tablesShare, ...look }: LoadLook): number {
  if (isCopied) return 1;
  return Math.min(NEARLY, look.bytesPlanned > 0 ? look.bytesDone / look.bytesPlanned : tablesShare);
}

function bytesOf({ bytesDone, bytesPlanned, bytesCopied }: LookAtBytes): LookAtBytes {
  return { bytesDone, bytesPlanned, bytesCopied };
}

function measureTable(table: LookAtTable, last: LoadLook, looks: readonly LoadLook[]): TableProgress {
  return {
    table: table.table,
    parts: table.parts,
    partsCopied: table.partsCopied,
    fraction: table.bytesPlanned > 0 ? Math.min(NEARLY, table.bytesDone / table.bytesPlanned) : 0,
    ...bytesOf(table),
    ...paceOf(table, last, paceOfTable(looks, table)),
  };
}

/** Bytes a second. */
interface Pace {
  copied: number;
  done: number;
}

/** Below this the first seconds of a watch would say more of its timing than of the load. */
const SHORTEST_WINDOW_MS = 5_000;

function between(first: LookAtBytes, last: LookAtBytes, elapsedMs: number): Pace {
  const perSecond = (bytes: number) => (bytes / elapsedMs) * 1_000;
  return {
    copied: perSecond(last.bytesCopied - first.bytesCopied),
    done: perSecond(last.bytesDone - first.bytesDone),
  };
}

const NOTHING: LookAtBytes = { bytesDone: 0, bytesPlanned: 0, bytesCopied: 0 };

function paceOfLoad(looks: readonly LoadLook[], last: LoadLook): Pace | undefined {
  const [first = last] = looks;
  if (last.at - first.at >= SHORTEST_WINDOW_MS) return between(first, last, last.at - first.at);
  const elapsed = last.startedAt === undefined ? 0 : last.at - last.startedAt;
  return elapsed >= SHORTEST_MS && last.bytesCopied > 0 ? between(NOTHING, last, elapsed) : undefined;
}

function paceOfTable(looks: readonly LoadLook[], table: LookAtTable): Pace | undefined {
  const at = (look: LoadLook) => look.tables.find((each) => each.table === table.table);
  const first = looks.find((look) => at(look) !== undefined);
  const last = looks.at(-1);
  const before = first && at(first);
  if (before && last && last.at - first.at >= SHORTEST_WINDOW_MS)
    return between(before, table, last.at - first.at);
  const { speed, bytesCopied, bytesDone } = table;
  if (speed === undefined || bytesCopied === 0) return undefined;
  return { copied: speed, done: (speed * bytesDone) / bytesCopied };
}

/** Rate and time left of the load, or of one of its tables. */
function paceOf(
  { bytesDone, bytesPlanned, movedAt }: Moving,
  { isCopied, isMoving, at }: LoadLook,
  pace: Pace | undefined,
): Pick<Progress, 'bytesPerSecond' | 'millisecondsLeft'> {
  if (isCopied || !isMoving || !pace) return { bytesPerSecond: undefined, millisecondsLeft: undefined };
  const left = bytesPlanned - bytesDone;
  const isKnown = left > 0 && pace.done > 0 && at - movedAt <= STALL_MS;
  return {
    bytesPerSecond: pace.copied,
    millisecondsLeft: isKnown ? (left / pace.done) * 1_000 : undefined,
  };
}
