/** Waits until what the source has committed is on the target. */
import { setTimeout as delay } from 'node:timers/promises';
import { compareLsn } from '../../contract/names.js';
import type { LaneName, Lsn } from '../../contract/names.js';
import type { Job } from '../job.js';
import { hasHeartbeat, sendHeartbeat } from '../lane/heartbeat.js';
import { journalTable } from '../lane/journal.js';
import type { Ends } from './content.js';

/**
 * Resolves when everything that was committed on the source at the call is on the target; false when that takes too long:
 * then at once for every later call.
 */
export type Passage = (ends: Ends) => Promise<boolean>;

/** Nothing flows. */
export const STILL: Passage = () => Promise.resolve(true);

/** A lane that is further behind than this has trouble, which monitor tells. */
const PATIENCE_MS = 120_000;

const JOURNALS_SQL = `
  SELECT /* pgtrek: find-journals */ n.lane FROM unnest($1::text[], $2::text[]) AS n (lane, journal)
  WHERE to_regclass(n.journal) IS NOT NULL`;

/** By a heartbeat through each of the lanes; for subscriptions of others, by what their slots have confirmed. */
export async function createPassage(job: Job, ends: Ends, lanes: LaneName[]): Promise<Passage> {
  const journals = [lanes, lanes.map(journalTable)];
  const found = await ends.source.query<{ lane: LaneName }>(JOURNALS_SQL, journals);
  const withJournal = found.map(({ lane }) => lane);
  const wait = withJournal.length > 0 ? waitForBeats(job, withJournal) : waitForSlots;
  let isStuck = false;
  return async (by) => {
    const endsAt = Date.now() + PATIENCE_MS;
    if (!isStuck) isStuck = !(await wait(by, endsAt));
    return !isStuck;
  };
}

const BEAT_EVERY_MS = 10;

type Wait = (ends: Ends, endsAt: number) => Promise<boolean>;

function waitForBeats(job: Job, lanes: LaneName[]): Wait {
  return async ({ source, target }, endsAt) => {
    for (const lane of lanes) {
      const at = await sendHeartbeat(source, lane, job.owner);
      while (!(await hasHeartbeat(target, lane, at))) {
        if (Date.now() > endsAt) return false;
        await delay(BEAT_EVERY_MS);
      }
    }
    return true;
  };
}

const SUBSCRIPTIONS_SQL = `
  SELECT /* pgtrek: find-subscriptions */ subslotname::text AS slot FROM pg_subscription
  WHERE subenabled AND subslotname IS NOT NULL
    AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())`;

const CONFIRMED_SQL = `
  SELECT /* pgtrek: read-confirmed-slots */ min(confirmed_flush_lsn)::text AS confirmed FROM pg_replication_slots
  WHERE slot_name = ANY ($1::text[]) AND database = current_database()`;

const POLL_MS = 20;

const waitForSlots: Wait = async ({ source, target }, endsAt) => {
  const slots = (await target.query<{ slot: string }>(SUBSCRIPTIONS_SQL)).map(({ slot }) => slot);
  const { lsn } = await source.one<{ lsn: Lsn }>(
    'SELECT /* pgtrek: read-end */ pg_current_wal_insert_lsn()::text AS lsn',
  );
  for (;;) {
    const { confirmed } = await source.one<{ confirmed: Lsn | null }>(CONFIRMED_SQL, [slots]);
    if (confirmed === null || compareLsn(confirmed, lsn) >= 0) return true;
    if (Date.now() > endsAt) return false;
    await delay(POLL_MS);
  }
};
