/** Lanes back to where others came from, and loads: never both. A loader's TRUNCATE and rows would go to the old primary. */
import { PgtrekError } from '../../contract/errors.js';
import { lanePattern } from '../../contract/names.js';
import type { Job } from '../job.js';
import { ownerComment } from '../lane/journal.js';
import { hasLedger } from '../ledger/create-ledger.js';
import type { Session } from '../session.js';

const KNOWN_SQL = `
  SELECT /* pgtrek: look-for-other-ledger */ FROM pgtrek.migration WHERE owner = $1`;

/** Whether lanes of this run flow to its source too, or did: then it is the other direction of a migration. */
export async function isWayBack({ spec, owner }: Job, source: Session): Promise<boolean> {
  if (spec.mode !== 'cdc' || !(await hasLedger(source))) return false;
  return (await source.query(KNOWN_SQL, [owner])).length > 0;
}

/** Held to the end of its transaction: shared by those that write rows, alone by who publishes the way back. */
const SHARE_SQL = `
  SELECT pg_advisory_xact_lock_shared(hashtext('pgtrek'), hashtext($1 || '/way-back'))`;
const HOLD_SQL = `
  SELECT pg_advisory_xact_lock(hashtext('pgtrek'), hashtext($1 || '/way-back'))`;

const PUBLISHED_SQL = `
  SELECT /* pgtrek: look-for-way-back */ p.pubname::text AS publication FROM pg_publication p
  WHERE obj_description(p.oid, 'pg_publication') = $1 ORDER BY 1 LIMIT 1`;

/**
 * In the transaction that empties or fills tables of the target, or right before it: no lane of the run may flow away
 * from there. Throws LOAD_OR_WAY_BACK.
 */
export async function refuseWayBack(target: Session, owner: string): Promise<void> {
  await target.query(SHARE_SQL, [owner]);
  const [found] = await target.query<{ publication: string }>(PUBLISHED_SQL, [ownerComment(owner)]);
  if (!found) return;
  const { publication } = found;
  throw new PgtrekError(
    'LOAD_OR_WAY_BACK',
    `Tables of the target are neither emptied nor filled while publication ${publication} is there: it would send that to the source.`,
    {
      object: publication,
      remedy: `If the target is not the primary yet, on the target: SELECT pg_drop_replication_slot('${publication}'); DROP PUBLICATION ${publication}; then retry.`,
    },
  );
}

/** Of a migration that loads, on its target: lanes that are not through, and tables that wait for one. */
const LOADING_SQL = `
  SELECT /* pgtrek: look-for-loads */ what FROM (
    SELECT 'lane ' || l.lane AS what FROM pgtrek.lane l WHERE l.owner = $1 AND l.status IN ('loading', 'copied')
    UNION ALL
    SELECT r.qualified FROM pgtrek.relation r
    WHERE r.owner = $1 AND r.lane IS NULL AND r.kind IN ('r', 'p') AND r.has_data) w
  WHERE EXISTS (SELECT FROM pgtrek.archive a WHERE a.owner = $1)
  ORDER BY what LIMIT 1`;

/** In the transaction that publishes the way back: every load is over, and none begins before its end. Throws LOAD_OR_WAY_BACK. */
export async function requireLoaded(source: Session, owner: string): Promise<void> {
  await source.query(HOLD_SQL, [owner]);
  const [loading] = await source.query<{ what: string }>(LOADING_SQL, [owner]);
  if (!loading) return;
  throw new PgtrekError(
    'LOAD_OR_WAY_BACK',
    `The way back cannot be published yet: ${loading.what} is not loaded.`,
    { object: loading.what, remedy: 'Wait until all tables are loaded and changes flow, then retry.' },
  );
}

const ENABLED_SQL = `
  SELECT /* pgtrek: look-for-enabled */ subname::text AS lane FROM pg_subscription
  WHERE subname ~ $1 AND subenabled AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
  ORDER BY 1 LIMIT 1`;

/** Before the way back is opened: what lanes towards its source apply there would come back. Throws LOAD_OR_WAY_BACK. */
export async function requireStanding({ name }: Job, source: Session): Promise<void> {
  const [enabled] = await source.query<{ lane: string }>(ENABLED_SQL, [lanePattern(name)]);
  if (!enabled) return;
  const { lane } = enabled;
  throw new PgtrekError(
    'LOAD_OR_WAY_BACK',
    `The way back is not opened while subscription ${lane} is enabled: what it applies would come back.`,
    { object: lane, remedy: `On the new primary: ALTER SUBSCRIPTION ${lane} DISABLE; then retry.` },
  );
}
