/** How much WAL the source writes: while the checks run, and on average. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Spec } from '../../contract/spec.js';
import type { Session } from '../session.js';

export interface Wal {
  /** Bytes a second while it was looked at. */
  now: number;
  /** How long that was. */
  seconds: number;
  /** Since its statistics were reset (14 and later), where that is long enough ago to say something. */
  average: { bytesPerSecond: number; seconds: number } | undefined;
  /** max_slot_wal_keep_size; undefined: no limit. */
  keepBytes: number | undefined;
  /** max_wal_size */
  checkpointBytes: number;
}

// A server that was just filled or started has no average that would hold for a migration.
const AVERAGE_SECONDS = 3_600;

const MB = 1024 ** 2;

/** Since 14 the server counts. */
const countedSql = (version: number) =>
  version >= 140000
    ? `(SELECT wal_bytes::float8 FROM pg_stat_wal) AS counted,
    (SELECT extract(epoch FROM clock_timestamp() - stats_reset)::float8 FROM pg_stat_wal) AS "countedSeconds"`
    : 'NULL::float8 AS counted, NULL::float8 AS "countedSeconds"';

const positionSql = (version: number) => `
  SELECT /* pgtrek: validate wal position */
    CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_lsn() - '0/0'::pg_lsn END AS position,
    extract(epoch FROM clock_timestamp())::float8 AS at,
    (SELECT setting::float8 FROM pg_settings WHERE name = 'max_slot_wal_keep_size') AS "keepMb",
    (SELECT setting::float8 FROM pg_settings WHERE name = 'max_wal_size') AS "checkpointMb",
    ${countedSql(version)}`;

interface Position {
  /** Null on a standby. */
  position: string | null;
  at: number;
  keepMb: number | null;
  checkpointMb: number;
  counted: number | null;
  countedSeconds: number | null;
}

/** Where a limit is set, what is forecast is worth waiting for. */
const LIMITED_MS = 1_000;

/** What the checks themselves write, of which all is rolled back, and the server of its own accord. */
const OWN_BYTES = 256 * 1024;

/** Its end reads a second time; the checks run meanwhile. */
export async function beginWal(source: Session, { cdc }: Spec): Promise<() => Promise<Wal | undefined>> {
  const read = () => source.one<Position & Record<string, unknown>>(positionSql(source.version));
  const first = await read();
  const begun = performance.now();
  const isLimited = cdc.walBudget !== undefined || (first.keepMb ?? -1) >= 0;
  return async () => {
    const missing = LIMITED_MS - (performance.now() - begun);
    if (isLimited && missing > 0) await sleep(missing);
    return walBetween(first, await read());
  };
}

function walBetween(first: Position, last: Position): Wal | undefined {
  if (first.position === null || last.position === null) return undefined;
  const seconds = Math.max(last.at - first.at, 0.001);
  const written = Number(BigInt(last.position) - BigInt(first.position));
  const { counted, countedSeconds, keepMb, checkpointMb } = last;
  return {
    now: written > OWN_BYTES ? written / seconds : 0,
    seconds,
    average:
      counted !== null && countedSeconds !== null && countedSeconds >= AVERAGE_SECONDS
        ? { bytesPerSecond: counted / countedSeconds, seconds: countedSeconds }
        : undefined,
    keepBytes: keepMb === null || keepMb < 0 ? undefined : keepMb * MB,
    checkpointBytes: checkpointMb * MB,
  };
}
