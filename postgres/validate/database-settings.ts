/** Settings of the database and of roles (ALTER DATABASE … SET, ALTER ROLE … SET), which no dump of a database holds. */
import { escapeIdentifier, escapeLiteral } from 'pg';
import type { Finding } from '../../contract/state.js';
import type { Session } from '../session.js';
import type { OnBoth } from './check.js';
import { capFindings, listNames } from './check.js';

const SETTINGS_SQL = `
  SELECT /* pgtrek: validate database settings */ r.rolname::text AS role, coalesce(r.rolsuper, false) AS super,
    s.setdatabase <> 0 AS "inDatabase", o.option_name AS name, o.option_value AS value
  FROM pg_db_role_setting s
    CROSS JOIN LATERAL pg_options_to_table(s.setconfig) AS o
    LEFT JOIN pg_roles r ON r.oid = s.setrole
  WHERE s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
    OR s.setdatabase = 0 AND r.oid IS NOT NULL
  ORDER BY 1 NULLS FIRST, 3, 4`;

interface Setting {
  /** Null: of the database, whoever connects. */
  role: string | null;
  super: boolean;
  inDatabase: boolean;
  name: string;
  value: string;
}

// Who may: the owner of the database; of a role itself, or who may alter it (from 16 on with ADMIN).
const TARGET_SQL = `
  SELECT /* pgtrek: validate settable */
    (SELECT pg_has_role(d.datdba, 'USAGE') FROM pg_database d WHERE d.datname = current_database()) AS "mayDatabase",
    me.rolsuper AS super,
    ARRAY(SELECT r.rolname::text FROM pg_roles r WHERE r.rolname = ANY ($1::text[])) AS roles,
    ARRAY(
      SELECT r.rolname::text FROM pg_roles r
      WHERE r.rolname = ANY ($1::text[])
        AND (me.rolsuper OR r.oid = me.oid OR NOT r.rolsuper AND me.rolcreaterole
          AND (current_setting('server_version_num')::int < 160000 OR pg_has_role(r.oid, 'MEMBER WITH ADMIN OPTION')))
    ) AS alterable,
    ARRAY(
      SELECT n.name FROM unnest($2::text[]) AS n (name)
      WHERE position('.' IN n.name) > 0 OR EXISTS (
        SELECT FROM pg_settings g
        WHERE lower(g.name) = lower(n.name) AND (g.context = 'user' OR g.context IN ('superuser', 'backend') AND me.rolsuper))
    ) AS settable
  FROM pg_roles me WHERE me.rolname = current_user`;

interface Target {
  mayDatabase: boolean;
  super: boolean;
  roles: string[];
  alterable: string[];
  settable: string[];
}

/** Told where the target has no such setting, or another value. Of roles alone (not in this database) where it has the role. */
export async function checkSettings({ source, target }: OnBoth): Promise<Finding[]> {
  const wanted = await readSettings(source);
  if (wanted.length === 0) return [];
  const there = new Set((await readSettings(target)).map(keyOf));
  const missing = wanted.filter((setting) => !there.has(keyOf(setting)));
  if (missing.length === 0) return [];
  const roles = [...new Set(missing.flatMap(({ role }) => role ?? []))];
  const names = missing.map(({ name }) => name);
  const facts = await target.one<Target & Record<string, unknown>>(TARGET_SQL, [roles, names]);
  const told = missing.filter(({ role, inDatabase, super: isSuper }) => {
    if (role === null || inDatabase) return true;
    // Those of a superuser belong to the server.
    return facts.roles.includes(role) && (facts.super || !isSuper);
  });
  const ofDatabase = told.filter(({ role }) => role === null);
  return [
    ...(ofDatabase.length === 0 ? [] : [tellDatabase(ofDatabase, target, facts)]),
    ...capFindings(
      roles.flatMap((role) => {
        const own = told.filter((setting) => setting.role === role);
        return own.length === 0 ? [] : [tellRole(role, own, target, facts)];
      }),
    ),
  ];
}

function readSettings(session: Session): Promise<Setting[]> {
  return session.query<Setting & Record<string, unknown>>(SETTINGS_SQL);
}

function keyOf({ role, inDatabase, name, value }: Setting): string {
  return JSON.stringify([role, inDatabase, name, value]);
}

function tellDatabase(settings: Setting[], target: Session, facts: Target): Finding {
  const { database } = target.endpoint;
  return {
    id: 'source.database_settings',
    scope: 'source',
    verdict: 'warn',
    why: `Settings of the database do not come along: ${listNames(settings.map(({ name }) => name))}.`,
    remedy: settings.map((setting) => statementOf(setting, database).text).join(' '),
    ...fixOf(facts.mayDatabase ? settings : [], { database, facts }),
  };
}

function tellRole(role: string, settings: Setting[], target: Session, facts: Target): Finding {
  const { database } = target.endpoint;
  const exists = facts.roles.includes(role);
  const remedy = settings.map((setting) => statementOf(setting, database).text).join(' ');
  return {
    id: 'source.role_settings',
    scope: `source.role ${role}`,
    verdict: 'warn',
    why: `Settings of role ${role} do not come along: ${listNames(settings.map(({ name }) => name))}.${exists ? '' : ' The target does not have the role.'}`,
    remedy: exists ? remedy : `${remedy} -- once the target has the role`,
    ...fixOf(facts.alterable.includes(role) ? settings : [], { database, facts }),
  };
}

/** A library that the target lacks would let nobody in; a database that is read-only would not be written. */
const LEFT_TO_PEOPLE = /_preload_libraries$|^default_transaction_read_only$/;

function fixOf(
  settings: Setting[],
  { database, facts }: { database: string; facts: Target },
): Pick<Finding, 'fix'> {
  const statements = settings
    .filter(({ name }) => facts.settable.includes(name) && !LEFT_TO_PEOPLE.test(name))
    .map((setting) => statementOf(setting, database))
    .flatMap(({ text, isSecret }) => (isSecret ? [] : [text]));
  return statements.length === 0 ? {} : { fix: { on: 'target', statements } };
}

/** These hold lists of names as SQL has them, already quoted; an empty name must be written as a string. */
const LISTS = new Set([
  'local_preload_libraries',
  'search_path',
  'session_preload_libraries',
  'temp_tablespaces',
  'unix_socket_directories',
]);

const SECRET = /secret|passw|token|key|credential/i;

/** Parameters of applications (with a dot in their name) may hold secrets, which must not come into histories. */
function statementOf(
  { role, inDatabase, name, value }: Setting,
  database: string,
): { text: string; isSecret: boolean } {
  const isSecret = name.includes('.') && SECRET.test(name);
  const on = `DATABASE ${escapeIdentifier(database)}`;
  const head =
    role === null ? `ALTER ${on}` : `ALTER ROLE ${escapeIdentifier(role)}${inDatabase ? ` IN ${on}` : ''}`;
  const written = LISTS.has(name) ? value.replaceAll('""', "''") : escapeLiteral(value).trim();
  return {
    isSecret,
    text: `${head} SET ${name.split('.').map(quoteName).join('.')} TO ${isSecret ? "'…'" : written};`,
  };
}

function quoteName(name: string): string {
  return /^[a-z_]\w*$/i.test(name) ? name : escapeIdentifier(name);
}
