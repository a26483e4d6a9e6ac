/** Settings as a session of a role begins with them: of the server, the database, and the role. */
import pg from 'pg';
import type { Finding } from '../../contract/findings.js';
import type { Session } from '../session.js';
import { isSuperuser } from './superuser.js';

export interface RoleSetting {
  name: string;
  /** For people: `30s`. */
  value: string;
  /** Where it is a span of time; 0: none. */
  ms: number | null;
  /** What is set for exactly this role in this database. */
  here: string | null;
}

// Our own sessions have changed theirs: reset_val is what they began with. The most special one counts.
const SETTINGS_SQL = `
  WITH own AS (
    SELECT split_part(line, '=', 1) AS name, substr(line, strpos(line, '=') + 1) AS value,
      s.setrole <> 0 AS of_role, s.setdatabase <> 0 AS of_database
    FROM pg_db_role_setting s, unnest(s.setconfig) AS line
    WHERE s.setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = $1))
      AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
  ), found AS (
    SELECT s.name,
      coalesce(
        (SELECT o.value FROM own o WHERE o.name = s.name ORDER BY o.of_role DESC, o.of_database DESC LIMIT 1),
        s.reset_val || coalesce(s.unit, '')
      ) AS value,
      (SELECT o.value FROM own o WHERE o.name = s.name AND o.of_role AND o.of_database) AS here
    FROM pg_settings s
    WHERE s.name = ANY ($2::text[])
  )
  SELECT /* pgtrek: validate role settings */ name, value, here,
    CASE
      WHEN value ~ '^[0-9]+$' THEN value::float8
      WHEN value ~ '^[0-9.]+ ?(us|ms|s|min|h|d)$' THEN extract(epoch FROM value::interval)::float8 * 1000
    END AS ms
  FROM found
  ORDER BY array_position($2::text[], name)`;

/** Those that the server knows, in the order of the names. */
export async function readRoleSettings(
  session: Session,
  role: string,
  names: string[],
): Promise<RoleSetting[]> {
  const rows = await session.query<RoleSetting & Record<string, unknown>>(SETTINGS_SQL, [role, names]);
  return rows.map((row) => ({ ...row, value: row.value.replace(/000ms$/, 's') }));
}

interface RoleChange {
  role: string;
  settings: Pick<RoleSetting, 'name' | 'here'>[];
  value: string;
}

/** For this role in this database alone, which every role may do for itself, on RDS too. */
export async function roleRemedy(
  session: Session,
  { role, settings, value }: RoleChange,
): Promise<Pick<Finding, 'remedy' | 'fix'>> {
  const { user, database, end } = session.endpoint;
  const alter = `ALTER ROLE ${pg.escapeIdentifier(role)} IN DATABASE ${pg.escapeIdentifier(database)}`;
  const set = (name: string, to: string) => `${alter} SET ${name} = ${pg.escapeLiteral(to)};`;
  const statements = settings.map(({ name }) => set(name, value));
  const undo = settings.map(({ name, here }) =>
    here === null ? `${alter} RESET ${name};` : set(name, here),
  );
  const allowed = role === user || (await isSuperuser(session));
  return { remedy: statements.join(' '), ...(allowed ? { fix: { on: end, statements, undo } } : {}) };
}
