/** Privileges on the target that pgtrek can do without, and what it does then. */
import { escapeIdentifier } from 'pg';
import type { Finding } from '../../contract/findings.js';
import { sqlState } from '../classify-error.js';
import { givenStart } from '../lane/lane-names.js';
import { mayReadProgress } from '../lane/origin.js';
import type { Session } from '../session.js';
import type { OnTarget } from './check.js';

/** A slot that was given is handed back where the target stands, which only this function tells. */
export async function checkOrigin({ target, spec }: OnTarget): Promise<Finding[]> {
  const { user } = target.endpoint;
  const finding = { id: 'target.privileges.origin', scope: 'target' };
  if (await mayReadProgress(target))
    return [{ ...finding, verdict: 'ok', why: `${user} may read how far the target has applied.` }];
  const given = givenStart(spec);
  if (!given) {
    const why = `${user} may not call pg_replication_origin_progress: stops go by their markers, and the position of a change that cannot be applied is looked up on the source.`;
    return [{ ...finding, verdict: 'ok', why }];
  }
  return [
    {
      ...finding,
      verdict: 'warn',
      why: `${user} may not call pg_replication_origin_progress: slot ${given.slot} is handed back where it has confirmed, and its next reader may get the last changes twice.`,
      remedy:
        target.version < 140000
          ? 'Let nobody else read from that slot afterwards, or use a superuser as target.user: before 14 nobody else may call it.'
          : `GRANT EXECUTE ON FUNCTION pg_catalog.pg_replication_origin_progress(text, boolean) TO ${escapeIdentifier(user)};`,
    },
  ];
}

const REPLICA_SQL = `SET LOCAL /* pgtrek: validate parameters */ session_replication_role = replica`;

const LACKS_PRIVILEGE = '42501';

/** All other settings of our sessions are open to everybody. */
export async function checkParameters({ target }: OnTarget): Promise<Finding[]> {
  const { user } = target.endpoint;
  const finding = { id: 'target.privileges.parameters', scope: 'target' };
  if (await maySet(target))
    return [{ ...finding, verdict: 'ok', why: `${user} may set session_replication_role on the target.` }];
  const why = `${user} may not set session_replication_role on the target: verify --repair writes rows with triggers and foreign keys in force.`;
  // Before 15 nobody can grant it.
  if (target.version < 150000) return [{ ...finding, verdict: 'ok', why }];
  const remedy = `GRANT SET ON PARAMETER session_replication_role TO ${escapeIdentifier(user)};`;
  return [{ ...finding, verdict: 'warn', why, remedy }];
}

/** Tried, and rolled back: a provider may allow it without any grant. */
async function maySet(target: Session): Promise<boolean> {
  await target.client.query('BEGIN');
  try {
    await target.query(REPLICA_SQL);
    return true;
  } catch (error) {
    if (sqlState(error) === LACKS_PRIVILEGE) return false;
    throw error;
  } finally {
    await target.client.query('ROLLBACK').catch(() => undefined);
  }
}
