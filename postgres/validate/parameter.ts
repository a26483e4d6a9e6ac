/** How a server's setting is changed: by SQL, or on RDS and Aurora in a parameter group. */
import pg from 'pg';
import type { Session } from '../session.js';

interface Change {
  name: string;
  value: string;
  restart: boolean;
}

const MANAGED_SQL = `
  SELECT /* pgtrek: validate managed */
    current_setting('rds.logical_replication', true) IS NOT NULL AS managed`;

/** Asked once of each session. */
const managed = new WeakMap<Session, boolean>();

/** True on RDS and Aurora, where nobody may run ALTER SYSTEM. */
export async function isRds(session: Session): Promise<boolean> {
  const known = managed.get(session) ?? (await session.one<{ managed: boolean }>(MANAGED_SQL)).managed;
  managed.set(session, known);
  return known;
}

export async function parameterRemedy(session: Session, { name, value, restart }: Change): Promise<string> {
  if (await isRds(session)) {
    const group = 'the DB parameter group (Aurora: the DB cluster parameter group)';
    return `Set ${name} = ${value} in ${group}${restart ? ', then reboot the instance: it needs a restart' : ''}.`;
  }
  const statement = `ALTER SYSTEM SET ${name} = ${pg.escapeLiteral(value)};`;
  return restart
    ? `${statement} -- then restart the server: it needs a restart`
    : `${statement} SELECT pg_reload_conf();`;
}
