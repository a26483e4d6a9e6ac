/** Waits until what the source has committed is on the target. */
import { setTimeout as delay } from 'node:timers/promises';
import { PgtrekError } from '../../contract/errors.js';
import { compareLsn } from '../../contract/names.js';
import type { LaneName, Lsn } from '../../contract/names.js';
import type { Job } from '../job.js';
import { hasHeartbeat, sendHeartbeat } from '../lane/heartbeat.js';
import { journalTable } from '../lane/journal.js';
import type { Ends } from './content.js';

/** Resolves when everything that was committed on the source at the call is on the target. Throws SUBSCRIPTION_FAILED when that takes too long. */
export type Passage = (ends: Ends) => Promise<void>;

/** Nothing flows. */
export const STILL: Passage = () => Promise.resolve();

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
  return async (by) => {
    if (await wait(by, Date.now() + PATIENCE_MS)) return;
    throw new PgtrekError(
      'SUBSCRIPTION_FAILED',
      'The target did not get what the source had committed in 2 minutes: nothing that differs can be told from what is on its way.',
      { remedy: 'See what keeps the lanes, or wait until they have caught up; then compare again.' },
    );
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
