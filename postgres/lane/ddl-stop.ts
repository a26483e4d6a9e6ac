/**
 * On the target: a lane stops right at a change of the source's schema. Armed, a lane has the nonce `ddl`; one that has
 * stopped has the id of the change's journal row instead, until it is let go on.
 */
import { escapeIdentifier, escapeLiteral } from 'pg';
import type { LaneName } from '../../contract/names.js';
import type { Session } from '../session.js';
import { journalTable } from './journal.js';

/** Of `s`, the lane's subscription: id of the change at which it stands, or null. */
export function changeSql(lane: LaneName): string {
  return `(
    SELECT a.nonce FROM pgtrek.armed a JOIN ${journalTable(lane)} j ON j.id = a.nonce AND j.owner = a.owner
    WHERE a.lane = ${escapeLiteral(lane)} AND j.kind = 'ddl' AND NOT s.subenabled LIMIT 1)`;
}

const IS_ENABLED = `EXISTS (
  SELECT FROM pg_subscription s
  WHERE s.subname = a.lane AND s.subenabled
    AND s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database()))`;

/** One that stands at a change stays; one that somebody else enabled there counts as gone on. */
const ARM_SQL = `
  WITH left_behind AS (
    DELETE /* pgtrek: arm-changes */ FROM pgtrek.armed a
    WHERE a.owner = $1 AND a.lane = ANY ($2::text[]) AND a.nonce LIKE 'ddl:%' AND ${IS_ENABLED}
  )
  INSERT INTO pgtrek.armed (owner, lane, nonce)
  SELECT $1, lane, 'ddl' FROM unnest($2::text[]) AS l (lane)
  WHERE NOT EXISTS (
    SELECT FROM pgtrek.armed a
    WHERE a.owner = $1 AND a.lane = l.lane AND a.nonce LIKE 'ddl:%' AND NOT ${IS_ENABLED})
  ON CONFLICT DO NOTHING`;

export async function armChanges(target: Session, owner: string, lanes: LaneName[]): Promise<void> {
  await target.query(ARM_SQL, [owner, lanes]);
}

const LEAVE_SQL = `
  DELETE /* pgtrek: note-leaving */ FROM pgtrek.armed a
  WHERE a.owner = $1 AND a.lane = $2 AND a.nonce = $3 AND NOT ${IS_ENABLED}
  RETURNING nonce`;

export interface AtChange {
  lane: LaneName;
  change: string;
}

/** Lets a lane go on that still stands at this change; it stops at the next one. */
export async function passChange(target: Session, owner: string, at: AtChange): Promise<void> {
  await target.transaction(async () => {
    if (await leaveChange(target, owner, at)) await armChanges(target, owner, [at.lane]);
  });
}

async function leaveChange(target: Session, owner: string, { lane, change }: AtChange): Promise<boolean> {
  if ((await target.query(LEAVE_SQL, [owner, lane, change])).length === 0) return false;
  await target.query(`ALTER /* pgtrek: leave-change */ SUBSCRIPTION ${escapeIdentifier(lane)} ENABLE`);
  return true;
}

const DISARM_SQL = `
  WITH disarmed AS (DELETE /* pgtrek: disarm-changes */ FROM pgtrek.armed WHERE owner = $1 AND nonce = 'ddl')
  SELECT a.lane, a.nonce AS change FROM pgtrek.armed a
  WHERE a.owner = $1 AND a.nonce LIKE 'ddl:%' AND NOT ${IS_ENABLED}`;

/** Before a time in which nobody watches the lanes: none may stand at a change until its end. */
export async function disarmChanges(target: Session, owner: string): Promise<void> {
  await target.transaction(async () => {
    for (const at of await target.query<AtChange & Record<string, unknown>>(DISARM_SQL, [owner]))
      await leaveChange(target, owner, at);
  });
}
