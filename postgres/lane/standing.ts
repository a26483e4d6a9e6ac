/** Where a lane stands on the target: its last marker or a change of the schema, and whether it is enabled. */
import type { LaneName } from '../../contract/names.js';
import type { Session } from '../session.js';
import { changeSql } from './ddl-stop.js';
import { journalTable } from './journal.js';

export interface Standing {
  enabled: boolean;
  /** Id of the last marker that came through. */
  marker: string | null;
  /** Id of the change of the schema at which it stands. */
  change: string | null;
}

function standingSql(lane: LaneName): string {
  return `
    SELECT /* pgtrek: look-where-it-stands */ s.subenabled AS enabled,
      (SELECT j.id FROM ${journalTable(lane)} j WHERE j.kind = 'marker' ORDER BY j.at DESC LIMIT 1) AS marker,
      ${changeSql(lane)} AS change
    FROM pg_subscription s
    WHERE s.subname = $1 AND s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())`;
}

/** Undefined before the lane is subscribed. */
export async function readStanding(target: Session, lane: LaneName): Promise<Standing | undefined> {
  const { found } = await target.one<{ found: boolean }>(
    'SELECT /* pgtrek: find-journal */ to_regclass($1) IS NOT NULL AS found',
    [journalTable(lane)],
  );
  if (!found) return undefined;
  const [standing] = await target.query<Standing & Record<string, unknown>>(standingSql(lane), [lane]);
  return standing;
}
