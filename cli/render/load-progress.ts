import type { CopyFigures, LiveFigures, MigrationState } from '../../client/index.js';

export interface LoadProgress {
  bytesCopied: number;
  bytesPlanned: number;
  /** 0 to 1; 1 only when every table is in. */
  fraction: number;
  /** Average since load began; undefined before there is anything to measure. */
  bytesPerSecond: number | undefined;
  /** Of the copying alone, at the average rate. */
  millisecondsLeft: number | undefined;
  /** The copies that run, largest first. */
  copies: CopyFigures[];
}

/** Rates over less than this say nothing. */
const SHORTEST_MS = 1_000;

/** What is copied, with the part of the running tables that no activity has reported yet. */
export function measureLoad(state: MigrationState, live: LiveFigures[], now: Date): LoadProgress {
  const copies = live
    .filter((figures) => figures.kind === 'copy')
    .sort((a, b) => Number(b.bytesPlanned) - Number(a.bytesPlanned) || a.table.localeCompare(b.table));
  const { totals, stages } = state;
  const bytesCopied = copies.reduce((sum, { bytes }) => sum + Number(bytes), Number(totals.bytesCopied));
  const bytesPlanned = Number(totals.bytesPlanned);
  const isCopied = totals.tables > 0 && totals.tablesCopied >= totals.tables;
  // COPY's bytes are not the table's on disk: the estimate may be passed while rows still travel.
  const fraction = isCopied ? 1 : bytesPlanned > 0 ? Math.min(0.99, bytesCopied / bytesPlanned) : 0;
  const startedAt = stages.find(({ name }) => name === 'load')?.startedAt;
  const elapsed = startedAt === undefined ? 0 : now.getTime() - Date.parse(startedAt);
  const bytesPerSecond =
    elapsed >= SHORTEST_MS && bytesCopied > 0 && !isCopied ? (bytesCopied / elapsed) * 1_000 : undefined;
  const millisecondsLeft =
    bytesPerSecond === undefined
      ? undefined
      : (Math.max(0, bytesPlanned - bytesCopied) / bytesPerSecond) * 1_000;
  return { bytesCopied, bytesPlanned, fraction, bytesPerSecond, millisecondsLeft, copies };
}
