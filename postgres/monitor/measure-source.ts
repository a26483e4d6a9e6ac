/** What the source alone tells of the lanes: their slots, the WAL that these hold back, and what holds them back. */
import type { LaneName, Lsn } from '../../contract/names.js';
import type { LaneFigures, MonitorFigures } from '../../contract/state.js';
import { bytesOf } from '../../contract/values.js';
import type { Job } from '../job.js';
import { slotOf } from '../lane/lane-names.js';
import { HEALTH_COLUMNS } from '../lane/lost-slot.js';
import type { Session } from '../session.js';
import { listOpenTransactions } from './open-transactions.js';

interface SlotRow {
  slot: string;
  active: boolean;
  wal_status: string | null;
  confirmed: Lsn | null;
  lag: string | null;
  retained: string | null;
  safe: string | null;
  invalidation: string | null;
  inactive_since: string | null;
}

/** Columns came with 13 (wal_status, safe_wal_size), 16 (conflicting), 17 (invalidation_reason, inactive_since). */
const SLOTS_SQL = `
  SELECT /* pgtrek: measure-slots */ slot_name AS slot, active, ${HEALTH_COLUMNS},
    confirmed_flush_lsn::text AS confirmed,
    pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::text AS lag,
    pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::text AS retained,
    to_jsonb(s)->>'safe_wal_size' AS safe,
    to_jsonb(s)->>'inactive_since' AS inactive_since
  FROM pg_replication_slots s WHERE slot_name = ANY ($1::text[])`;

const POSITION_SQL = `
  SELECT /* pgtrek: measure-source */ pg_current_wal_lsn()::text AS lsn`;

/** As of a source that is looked at once and without the target: no rates, no milliseconds. */
export async function measureSource(
  { spec }: Job,
  lanes: LaneName[],
  source: Session,
): Promise<MonitorFigures> {
  const slots = await source.query<SlotRow & Record<string, unknown>>(SLOTS_SQL, [
    lanes.map((lane) => slotOf(spec, lane)),
  ]);
  const figures = lanes.map((lane) =>
    figuresOf(
      lane,
      slots.find(({ slot }) => slot === slotOf(spec, lane)),
    ),
  );
  const { lsn } = await source.one<{ lsn: Lsn }>(POSITION_SQL);
  const openTransactions = await listOpenTransactions(source);
  const budget = spec.cdc.walBudget === undefined ? undefined : bytesOf(spec.cdc.walBudget);
  return {
    kind: 'monitor',
    at: new Date().toISOString(),
    sourceLsn: lsn,
    lagBytes: worst(figures.map(({ lagBytes }) => lagBytes)),
    lagMs: null,
    sourceRate: 0,
    applyRate: 0,
    drainSeconds: null,
    retainedBytes: worst(figures.map(({ retainedBytes }) => retainedBytes)),
    ...(budget === undefined ? {} : { walBudget: String(budget) }),
    ...(openTransactions.length > 0 ? { openTransactions } : {}),
    // Last: it is long, and the Web UI shows a heartbeat's first lines.
    lanes: figures,
  };
}

function figuresOf(lane: LaneName, slot: SlotRow | undefined): LaneFigures {
  return {
    lane,
    enabled: false,
    workerPid: null,
    slotActive: slot?.active ?? false,
    walStatus: slot ? (slot.wal_status ?? 'unknown') : null,
    retainedBytes: slot?.retained ?? '0',
    ...(slot?.safe ? { safeWalSize: slot.safe } : {}),
    ...(slot?.invalidation ? { invalidationReason: slot.invalidation } : {}),
    ...(slot?.inactive_since ? { inactiveSince: new Date(slot.inactive_since).toISOString() } : {}),
    lagBytes: slot?.lag ?? '0',
    confirmedFlush: slot?.confirmed ?? null,
    tables: {},
    errors: {},
    slotOnly: true,
  };
}

/** The largest of byte counts. */
export function worst(bytes: string[]): string {
  return bytes.reduce((most, each) => (BigInt(each) > BigInt(most) ? each : most), '0');
}
