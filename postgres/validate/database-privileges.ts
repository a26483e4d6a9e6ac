/** What a dump of a database leaves out of it: its privileges, its limit of connections, its comment; and default privileges. */
import { escapeIdentifier, escapeLiteral } from 'pg';
import type { Finding } from '../../contract/state.js';
import type { Session } from '../session.js';
import type { OnBoth } from './check.js';
import { listNames } from './check.js';

const DATABASE_SQL = `
  SELECT /* pgtrek: validate database privileges */ d.datconnlimit AS "limit", shobj_description(d.oid, 'pg_database') AS comment,
    pg_has_role(d.datdba, 'USAGE') AS owned,
    ARRAY(
      SELECT jsonb_build_object('role', r.rolname, 'privilege', a.privilege_type, 'grantable', a.is_grantable)
      FROM aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a LEFT JOIN pg_roles r ON r.oid = a.grantee
      WHERE a.grantee <> d.datdba
      ORDER BY r.rolname NULLS FIRST, a.privilege_type
    ) AS privileges
  FROM pg_database d WHERE d.datname = current_database()`;

interface Privilege {
  /** Null: PUBLIC. */
  role: string | null;
  privilege: string;
  grantable: boolean;
}

interface Database {
  /** -1: none. */
  limit: number;
  comment: string | null;
  owned: boolean;
  privileges: Privilege[];
}

function readDatabase(session: Session): Promise<Database> {
  return session.one<Database & Record<string, unknown>>(DATABASE_SQL);
}

interface Statement {
  text: string;
  /** What it says, for `why`. */
  what: string;
  /** It has all that it needs, and does the migration no harm. */
  runsNow: boolean;
}

export async function checkDatabasePrivileges({ source, target, spec }: OnBoth): Promise<Finding[]> {
  const [from, to] = await Promise.all([readDatabase(source), readDatabase(target)]);
  const { database } = target.endpoint;
  const granted =
    spec.schema.privileges === 'skip'
      ? []
      : await privilegeStatements({ from, to, user: source.endpoint.user, target });
  const statements = [...granted, ...otherStatements(from, to, database)];
  if (statements.length === 0) return [];
  const fix = to.owned ? statements.filter(({ runsNow }) => runsNow).map(({ text }) => text) : [];
  return [
    {
      id: 'source.database_privileges',
      scope: 'source',
      verdict: 'warn',
      why: `What belongs to the database itself does not come along: ${listNames(statements.map(({ what }) => what))}.`,
      remedy: statements.map(({ text }) => text).join(' '),
      ...(fix.length === 0 ? {} : { fix: { on: 'target', statements: fix } }),
    },
  ];
}

const ROLES_SQL = `
  SELECT /* pgtrek: validate granted roles */ rolname::text AS role FROM pg_roles WHERE rolname = ANY ($1::text[])`;

async function privilegeStatements({
  from,
  to,
  user,
  target,
}: {
  from: Database;
  to: Database;
  user: string;
  target: Session;
}): Promise<Statement[]> {
  const has = (privileges: Privilege[], { role, privilege, grantable }: Privilege) =>
    privileges.some(
      (other) => other.role === role && other.privilege === privilege && (other.grantable || !grantable),
    );
  // What pgtrek's own role was given is for this migration.
  const missing = from.privileges.filter((wanted) => wanted.role !== user && !has(to.privileges, wanted));
  const revoked = to.privileges.filter((other) => other.role === null && !has(from.privileges, other));
  const roles = missing.flatMap(({ role }) => role ?? []);
  const rows = roles.length === 0 ? [] : await target.query<{ role: string }>(ROLES_SQL, [roles]);
  const known = new Set(rows.map(({ role }) => role));
  const on = `ON DATABASE ${escapeIdentifier(target.endpoint.database)}`;
  return [
    ...missing.map(({ role, privilege, grantable }) => ({
      text: `GRANT ${privilege} ${on} TO ${nameOf(role)}${grantable ? ' WITH GRANT OPTION' : ''};`,
      what: `${privilege} of ${role ?? 'PUBLIC'}`,
      runsNow: role === null || known.has(role),
    })),
    ...revoked.map(({ privilege }) => ({
      text: `REVOKE ${privilege} ${on} FROM PUBLIC;`,
      what: `no ${privilege} of PUBLIC`,
      runsNow: true,
    })),
  ];
}

function nameOf(role: string | null): string {
  return role === null ? 'PUBLIC' : escapeIdentifier(role);
}

function otherStatements(from: Database, to: Database, database: string): Statement[] {
  const name = escapeIdentifier(database);
  return [
    ...(from.limit === -1 || from.limit === to.limit
      ? []
      : [
          {
            text: `ALTER DATABASE ${name} CONNECTION LIMIT ${String(from.limit)};`,
            what: `a limit of ${String(from.limit)} connections`,
            // The load and the lanes need some of them.
            runsNow: false,
          },
        ]),
    ...(from.comment === null || from.comment === to.comment
      ? []
      : [
          {
            text: `COMMENT ON DATABASE ${name} IS ${escapeLiteral(from.comment).trim()};`,
            what: 'its comment',
            runsNow: true,
          },
        ]),
  ];
}
