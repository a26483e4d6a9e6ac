/** Before the fence: lets the slots forget old log, which the proof inside the fence would read once more. */
import type { LaneName } from '../../contract/names.js';
import { sqlState } from '../classify-error.js';
import type { Job } from '../job.js';
import { slotOf } from '../lane/lane-names.js';
import type { Session } from '../session.js';
import { waitUntil } from '../wait-until.js';

/** So much is read in some ten milliseconds. */
const SMALL_BYTES = 4 * 1024 * 1024;
/** Two or three notes are enough; with an old transaction open none is. */
const LONGEST_SECONDS = 5;
/** A note waits for the transactions that run. */
const NOTE_MS = 1_000;

const KEPT_SQL = `
  SELECT /* pgtrek: measure-kept-log */
    coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)), 0)::float8 AS kept
  FROM pg_replication_slots WHERE slot_name = ANY ($1::text[])`;

/**
 * A slot keeps the log from the last but one time that the server noted its running transactions, which it does every 15 s,
 * and whenever a slot is made. Nobody waits meanwhile, and without a free slot all stays as it is.
 */
export async function freshenSlots(
  source: Session,
  { spec }: Job,
  { lanes, signal }: { lanes: LaneName[]; signal: AbortSignal },
): Promise<void> {
  const slots = lanes.map((lane) => slotOf(spec, lane));
  await waitUntil({ seconds: LONGEST_SECONDS, every: 200, signal }, async () => {
    const { kept } = await source.one<{ kept: number }>(KEPT_SQL, [slots]);
    if (kept <= SMALL_BYTES) return true;
    return !(await noteRunning(source, `${lanes[0] ?? 'pgtrek'}_now`));
  });
}

/** False when the server has no room for a slot. One that ran out of time has noted all the same. */
async function noteRunning(source: Session, name: string): Promise<boolean> {
  await source.query(`SET statement_timeout = ${String(NOTE_MS)}`);
  try {
    await source.query(
      `SELECT /* pgtrek: note-running */ pg_create_logical_replication_slot($1, 'pgoutput', true)`,
      [name],
    );
    await source.query('SELECT pg_drop_replication_slot($1)', [name]);
    return true;
  } catch (error) {
    return sqlState(error) === '57014';
  } finally {
    await source.query('SET statement_timeout = 0').catch(() => undefined);
  }
}
