/**
 * Holds a lane that fails again and again: its subscription is disabled, so that its slot is free to be read. That it was
 * pgtrek stands in the ledger, so that a later attempt takes it for nobody else's doing.
 */
import { escapeIdentifier } from 'pg';
import { PgtrekError } from '../../contract/errors.js';
import type { LaneName, Lsn } from '../../contract/names.js';
import type { Job } from '../job.js';
import { slotOf } from '../lane/lane-names.js';
import { isIdleWithin } from '../lane/slot.js';
import { ensureSchema } from '../ledger/create-ledger.js';
import type { Session } from '../session.js';
import { waitUntil } from '../wait-until.js';

const FIND_TABLE_SQL = `
  SELECT /* pgtrek: find-held-table */ to_regclass('pgtrek.held') IS NOT NULL AS found`;

/** Of these lanes, those that are held. */
export async function findHeld(target: Session, owner: string, lanes: LaneName[]): Promise<LaneName[]> {
  if (lanes.length === 0) return [];
  const { found } = await target.one<{ found: boolean }>(FIND_TABLE_SQL);
  if (!found) return [];
  const rows = await target.query<{ lane: LaneName }>(
    `SELECT /* pgtrek: find-held-lanes */ lane FROM pgtrek.held WHERE owner = $1 AND lane = ANY ($2::text[])`,
    [owner, lanes],
  );
  return rows.map(({ lane }) => lane);
}

/** A ledger that an older version made lacks it: it is made when it is needed. */
const TABLE_SQL = `
  CREATE /* pgtrek: create-held-table */ TABLE IF NOT EXISTS pgtrek.held (
    owner text NOT NULL,
    lane text NOT NULL,
    -- How far the lane had applied, where that was seen on the source alone.
    applied pg_lsn,
    PRIMARY KEY (owner, lane)
  )`;

const ENTER_SQL = `
  INSERT /* pgtrek: enter-held */ INTO pgtrek.held (owner, lane, applied) VALUES ($1, $2, $3)
  ON CONFLICT (owner, lane) DO UPDATE SET applied = excluded.applied`;

const ENABLED_SQL = `
  SELECT /* pgtrek: look-for-enabled */ subenabled AS enabled FROM pg_subscription
  WHERE subname = $1 AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())`;

export async function isEnabled(target: Session, lane: LaneName): Promise<boolean> {
  const [subscription] = await target.query<{ enabled: boolean }>(ENABLED_SQL, [lane]);
  return subscription?.enabled ?? false;
}

/** Both in one transaction. A lane that was disabled meanwhile, by a marker or a person, is left alone. */
export async function holdLane(
  target: Session,
  owner: string,
  { lane, applied }: { lane: LaneName; applied: Lsn | undefined },
): Promise<void> {
  await target.transaction(async () => {
    await ensureSchema(target);
    await target.query(TABLE_SQL);
    if (!(await isEnabled(target, lane))) return;
    await target.query(ENTER_SQL, [owner, lane, applied ?? null]);
    await disable(target, lane);
  });
}

async function disable(target: Session, lane: LaneName): Promise<void> {
  await target.query(`ALTER /* pgtrek: hold-subscription */ SUBSCRIPTION ${escapeIdentifier(lane)} DISABLE`);
}

const RELEASE_SQL = `DELETE /* pgtrek: release-held */ FROM pgtrek.held WHERE owner = $1 AND lane = $2`;

/** `enable`: not where it stands at a marker. */
export async function releaseLane(
  target: Session,
  owner: string,
  { lane, enable }: { lane: LaneName; enable: boolean },
): Promise<void> {
  await target.transaction(async () => {
    await target.query(RELEASE_SQL, [owner, lane]);
    if (enable)
      await target.query(`ALTER /* pgtrek: enable-held */ SUBSCRIPTION ${escapeIdentifier(lane)} ENABLE`);
  });
}

const WORKERS_SQL = `
  SELECT /* pgtrek: look-for-workers */ count(*)::int AS workers
  FROM pg_stat_subscription WHERE subname = $1 AND pid IS NOT NULL`;

/** A worker ends between two transactions, and the source notices by its next message. */
const LONGEST_END_SECONDS = 60;

/** Until nothing applies for the lane any more, and nobody reads from its slot. */
export async function awaitHeld(
  job: Job,
  { source, target }: { source: Session; target: Session },
  lane: LaneName,
): Promise<void> {
  const gone = await waitUntil({ seconds: LONGEST_END_SECONDS, signal: job.signal }, async () => {
    const { workers } = await target.one<{ workers: number }>(WORKERS_SQL, [lane]);
    return workers === 0;
  });
  if (gone && (await isIdleWithin(source, slotOf(job.spec, lane), LONGEST_END_SECONDS))) return;
  throw new PgtrekError(
    'SUBSCRIPTION_FAILED',
    `The worker of ${lane} does not end ${String(LONGEST_END_SECONDS)} s after its subscription was disabled.`,
    { object: lane, retryable: true },
  );
}
