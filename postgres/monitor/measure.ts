/** Measures the lanes: lag in bytes and milliseconds, rates, slots, workers, tables, apply errors. */
import { setTimeout as delay } from 'node:timers/promises';
import { compareLsn, lsnToBytes } from '../../contract/names.js';
import type { LaneName, Lsn } from '../../contract/names.js';
import type { LaneFigures, MonitorFigures } from '../../contract/state.js';
import type { Job } from '../job.js';
import { hasHeartbeat, sendHeartbeat } from '../lane/heartbeat.js';
import { journalTable } from '../lane/journal.js';
import type { Session } from '../session.js';
import { measureSource, worst } from './measure-source.js';

interface SubscriptionRow {
  lane: LaneName;
  enabled: boolean;
  pid: number | null;
  tables: Record<string, number> | null;
  not_ready: string[];
  stats: Record<string, string | number | null> | null;
}

/** pg_stat_subscription_stats exists from 15 on, its conflict counters from 18 on. */
function subscriptionsSql(version: number): string {
  const stats =
    version >= 150000
      ? '(SELECT to_jsonb(t) FROM pg_stat_subscription_stats t WHERE t.subid = s.oid)'
      : 'NULL::jsonb';
  return `
    SELECT /* pgtrek: measure-subscriptions */ s.subname AS lane, s.subenabled AS enabled,
      (SELECT w.pid FROM pg_stat_subscription w
        WHERE w.subid = s.oid AND w.relid IS NULL AND w.pid IS NOT NULL ORDER BY w.pid LIMIT 1) AS pid,
      (SELECT jsonb_object_agg(state, n) FROM (
        SELECT r.srsubstate AS state, count(*) AS n FROM pg_subscription_rel r WHERE r.srsubid = s.oid GROUP BY 1) t
      ) AS tables,
      ARRAY(SELECT r.srrelid::regclass::text FROM pg_subscription_rel r
        WHERE r.srsubid = s.oid AND r.srsubstate <> 'r' ORDER BY 1 LIMIT 20) AS not_ready,
      ${stats} AS stats
    FROM pg_subscription s
    WHERE s.subname = ANY ($1::text[])
      AND s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())`;
}

interface Sample {
  at: number;
  written: bigint;
  confirmed: bigint;
}

/** A heartbeat that is under way on each lane. */
interface Beat {
  /** Of its row, by the source's clock; a later one has a later time. */
  at: string;
  /** A position behind its commit. */
  past: Lsn;
  sentAt: number;
}

/** How long a measurement waits for its own heartbeat to come through, so that a healthy lane has exact milliseconds. */
const BEAT_WAIT_MS = 400;
/** Rates are means over the last samples: a single one jumps. */
const SAMPLES = 5;

export interface Gauged {
  lanes: LaneName[];
  /** Lanes that are not subscribed yet: their slots alone are looked at. */
  idle?: LaneName[];
}

/** Returns a function that measures once; rates and milliseconds need the calls before. */
export function createGauge(
  job: Job,
  { lanes, idle = [] }: Gauged,
  source: Session,
  target: Session,
): () => Promise<MonitorFigures> {
  const samples: Sample[] = [];
  const beats = new Map<LaneName, Beat>();
  let isFirst = true;
  return async () => {
    const ends = { lanes, beats, source, target };
    if (isFirst) await findBeats(ends);
    isFirst = false;
    const lagMs = await measureDelay(job, ends);
    const figures = await measureSource(job, [...lanes, ...idle], source);
    const measured = await addSubscriptions(figures.lanes, lanes, target);
    await findAhead(measured, ends);
    const lag = BigInt(worst(measured.flatMap((lane) => (lane.slotOnly ? [] : [lane.lagBytes]))));
    const written = lsnToBytes(figures.sourceLsn ?? '0/0');
    samples.push({ at: Date.now(), written, confirmed: written - lag });
    if (samples.length > SAMPLES) samples.shift();
    const rates = ratesOf(samples);
    const gain = rates.applyRate - rates.sourceRate;
    return {
      ...figures,
      lagBytes: lag.toString(),
      lagMs,
      ...rates,
      drainSeconds: lag < 1_000_000n ? 0 : gain > 0 ? Math.round(Number(lag) / gain) : null,
      lanes: measured,
    };
  };
}

function ratesOf(samples: Sample[]): { sourceRate: number; applyRate: number } {
  const [first] = samples;
  const last = samples.at(-1);
  const seconds = first && last ? (last.at - first.at) / 1000 : 0;
  if (!first || !last || seconds <= 0) return { sourceRate: 0, applyRate: 0 };
  return {
    sourceRate: Math.round(Number(last.written - first.written) / seconds),
    applyRate: Math.round(Number(last.confirmed - first.confirmed) / seconds),
  };
}

/** To what the source tells of their slots; the others stay as they are. */
async function addSubscriptions(
  figures: LaneFigures[],
  lanes: LaneName[],
  target: Session,
): Promise<LaneFigures[]> {
  const subscriptions = await target.query<SubscriptionRow & Record<string, unknown>>(
    subscriptionsSql(target.version),
    [lanes],
  );
  return figures.map((figure) => {
    if (!lanes.includes(figure.lane)) return figure;
    const { slotOnly: _, ...slot } = figure;
    const subscription = subscriptions.find(({ lane }) => lane === figure.lane);
    const notReady = subscription?.not_ready ?? [];
    return {
      ...slot,
      enabled: subscription?.enabled ?? false,
      workerPid: subscription?.pid ?? null,
      tables: subscription?.tables ?? {},
      ...(notReady.length > 0 ? { notReady } : {}),
      errors: errorsOf(subscription?.stats ?? null),
    };
  });
}

function errorsOf(stats: SubscriptionRow['stats']): LaneFigures['errors'] {
  if (!stats) return {};
  const conflicts = Object.entries(stats).filter(
    ([key, value]) => key.startsWith('confl_') && Number(value) > 0,
  );
  return {
    apply: String(stats.apply_error_count ?? 0),
    sync: String(stats.sync_error_count ?? 0),
    ...(conflicts.length > 0
      ? { conflicts: Object.fromEntries(conflicts.map(([k, v]) => [k, String(v)])) }
      : {}),
  };
}

interface Ends {
  lanes: LaneName[];
  beats: Map<LaneName, Beat>;
  source: Session;
  target: Session;
}

/**
 * Sends a heartbeat through each lane and waits a moment for it: the time from its commit on the source until it is
 * seen on the target, by this worker's clock alone. One that is still under way counts with its age so far. It also
 * lets the slot of an idle database move on.
 */
async function measureDelay(job: Job, ends: Ends): Promise<number | null> {
  const delays: number[] = [];
  for (const lane of ends.lanes) {
    const former = ends.beats.get(lane);
    const beat = former ?? (await sendBeat(job, lane, ends));
    const arrived = former
      ? await hasHeartbeat(ends.target, lane, beat.at)
      : await awaitBeat(lane, beat, ends.target);
    delays.push(Date.now() - beat.sentAt);
    if (arrived) ends.beats.delete(lane);
  }
  return delays.length === 0 ? null : Math.max(...delays);
}

/** Looks less and less often, so that a lane with a backlog has the target to itself; what is found is at most a fifth too late. */
async function awaitBeat(lane: LaneName, beat: Beat, target: Session): Promise<boolean> {
  for (;;) {
    if (await hasHeartbeat(target, lane, beat.at)) return true;
    const age = Date.now() - beat.sentAt;
    if (age >= BEAT_WAIT_MS) return false;
    await delay(Math.max(5, age / 5));
  }
}

async function sendBeat(job: Job, lane: LaneName, { beats, source }: Ends): Promise<Beat> {
  const at = await sendHeartbeat(source, lane, job.owner);
  const sentAt = Date.now();
  const beat = { at, past: await readEnd(source), sentAt };
  beats.set(lane, beat);
  return beat;
}

/** Behind everything that is committed, written to disk or not. */
async function readEnd(source: Session): Promise<Lsn> {
  const { lsn } = await source.one<{ lsn: Lsn }>(
    'SELECT /* pgtrek: read-end */ pg_current_wal_insert_lsn()::text AS lsn',
  );
  return lsn;
}

/** Those that a former watch has sent, and that have not come through: a new one would hide their loss. */
async function findBeats({ lanes, beats, source, target }: Ends): Promise<void> {
  for (const lane of lanes) {
    const [row] = await source.query<{ at: string; sent: Date }>(
      `SELECT /* pgtrek: find-heartbeat */ at::text AS at, at AS sent FROM ${journalTable(lane)} WHERE id = 'heartbeat'`,
    );
    if (!row) continue;
    const beat = { at: row.at, past: await readEnd(source), sentAt: row.sent.getTime() };
    if (!(await hasHeartbeat(target, lane, beat.at))) beats.set(lane, beat);
  }
}

/**
 * A slot confirms what the target has applied and made durable. One that has confirmed a heartbeat which is not there stands
 * past what the target has: it was restored or failed over to an older state, or the slot was moved by hand.
 */
async function findAhead(figures: LaneFigures[], { beats, target }: Ends): Promise<void> {
  for (const figure of figures) {
    const beat = beats.get(figure.lane);
    if (!beat || figure.confirmedFlush === null || compareLsn(figure.confirmedFlush, beat.past) < 0) continue;
    if (!(await hasHeartbeat(target, figure.lane, beat.at))) figure.isAhead = true;
  }
}
