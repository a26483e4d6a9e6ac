/** How a server's setting is changed: by SQL, or on RDS and Aurora in a parameter group. */
import pg from 'pg';
import type { Finding } from '../../contract/findings.js';
import type { Session } from '../session.js';

interface Change {
  name: string;
  /** A list is written element by element. */
  value: string | string[];
  restart: boolean;
}

const MANAGED = `current_setting('rds.logical_replication', true) IS NOT NULL`;

const MANAGED_SQL = `
  SELECT /* pgtrek: validate managed */ ${MANAGED} AS managed`;

/** Asked once of each session. */
const managed = new WeakMap<Session, boolean>();

/** True on RDS and Aurora, where nobody may run ALTER SYSTEM. */
export async function isRds(session: Session): Promise<boolean> {
  const known = managed.get(session) ?? (await session.one<{ managed: boolean }>(MANAGED_SQL)).managed;
  managed.set(session, known);
  return known;
}

// From 15 on ALTER SYSTEM can be granted for one setting; from 17 on a server may refuse it to everybody.
const rightsSql = (version: number) => `
  SELECT /* pgtrek: validate setting rights */
    ${MANAGED} AS managed,
    coalesce(current_setting('allow_alter_system', true), 'on') = 'on'
      AND (r.rolsuper OR ${version >= 150000 ? `has_parameter_privilege($1, 'ALTER SYSTEM')` : '$1::text IS NULL'}) AS allowed,
    r.rolsuper OR has_function_privilege('pg_reload_conf()', 'EXECUTE') AS reloads
  FROM pg_roles r
  WHERE r.rolname = current_user`;

/** What a finding says of it, to spread into it; `fix` where our role may do it. */
export async function parameterRemedy(
  session: Session,
  { name, value, restart }: Change,
): Promise<Pick<Finding, 'remedy' | 'restart' | 'fix'>> {
  const { managed, allowed, reloads } = await session.one<Record<'managed' | 'allowed' | 'reloads', boolean>>(
    rightsSql(session.version),
    [name],
  );
  const needsRestart = restart ? { restart } : {};
  if (managed) {
    const group = 'the DB parameter group (Aurora: the DB cluster parameter group)';
    const later = restart ? ', then reboot the instance: it needs a restart' : '';
    return { remedy: `Set ${name} = ${[value].flat().join(',')} in ${group}${later}.`, ...needsRestart };
  }
  const literals = [value].flat().map(pg.escapeLiteral).join(', ');
  const statement = `ALTER SYSTEM SET ${name} = ${literals};`;
  const reload = 'SELECT pg_reload_conf();';
  const { end } = session.endpoint;
  return {
    remedy: restart
      ? `${statement} -- then restart the server: it needs a restart`
      : `${statement} ${reload}`,
    ...needsRestart,
    ...(allowed && (restart || reloads)
      ? { fix: { on: end, statements: restart ? [statement] : [statement, reload] } }
      : {}),
  };
}
