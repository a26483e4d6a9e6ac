/** What a fence needs the source's role to be allowed, and the statements that allow it. */
import { escapeIdentifier } from 'pg';
import { BY_NAME } from '../named-tables.js';
import type { Session } from '../session.js';

/** Something that the role may not do. */
export interface Lack {
  why: string;
  /** A statement for it. */
  remedy: string;
}

const OWNER_SQL = `
  SELECT /* pgtrek: check-database-owner */ pg_has_role(datdba, 'USAGE') AS owns, pg_get_userbyid(datdba)::text AS owner,
    (SELECT rolsuper FROM pg_roles WHERE oid = datdba) AS super
  FROM pg_database WHERE datname = current_database()`;

export async function lackToClose(source: Session): Promise<Lack | undefined> {
  const row = await source.one<{ owns: boolean; owner: string; super: boolean }>(OWNER_SQL);
  if (row.owns) return undefined;
  const { user, database } = source.endpoint;
  const [role, owner, name] = [user, row.owner, database].map((each) => escapeIdentifier(each));
  return {
    why: `${user} cannot make database ${database} read-only, as it belongs to ${row.owner}`,
    // Membership of a superuser is far more than owning a database.
    remedy: row.super
      ? `ALTER DATABASE ${String(name)} OWNER TO ${String(role)};`
      : `GRANT ${String(owner)} TO ${String(role)};`,
  };
}

const SIGNAL_SQL = `
  SELECT /* pgtrek: check-signal */ rolsuper OR pg_has_role('pg_signal_backend', 'USAGE') AS may
  FROM pg_roles WHERE rolname = current_user`;

export async function lackToEnd(source: Session): Promise<Lack | undefined> {
  const { may } = await source.one<{ may: boolean }>(SIGNAL_SQL);
  if (may) return undefined;
  const { user } = source.endpoint;
  return {
    why: `${user} can end no session of other roles`,
    remedy: `GRANT pg_signal_backend TO ${escapeIdentifier(user)};`,
  };
}

const DENIED_SQL = `
  SELECT /* pgtrek: check-denied */ w.role, r.oid IS NOT NULL AS found,
    coalesce(me.rolsuper OR (me.rolcreaterole AND NOT r.rolsuper
      AND ($2 < 160000 OR pg_has_role(r.oid, 'MEMBER WITH ADMIN OPTION'))), false) AS may
  FROM unnest($1::text[]) AS w (role) LEFT JOIN pg_roles r ON r.rolname = w.role
    JOIN pg_roles me ON me.rolname = current_user`;

/** Roles that cannot be kept from logging in; those that the source does not know, without a statement. */
export async function lacksToDeny(
  source: Session,
  denyLogin: string[],
): Promise<{ role: string; lack: Partial<Lack> & Pick<Lack, 'why'> }[]> {
  if (denyLogin.length === 0) return [];
  const rows = await source.query<{ role: string; found: boolean; may: boolean }>(
    // Before 16 the third privilege does not exist, and CREATEROLE is enough.
    source.version >= 160000
      ? DENIED_SQL
      : DENIED_SQL.replace(`pg_has_role(r.oid, 'MEMBER WITH ADMIN OPTION')`, 'true'),
    [denyLogin, source.version],
  );
  const { user } = source.endpoint;
  return rows.flatMap(({ role, found, may }) => {
    if (!found)
      return [{ role, lack: { why: `cutover.denyLogin names ${role}, which the source does not know` } }];
    if (may) return [];
    const remedy =
      source.version >= 160000
        ? `ALTER ROLE ${escapeIdentifier(user)} CREATEROLE; GRANT ${escapeIdentifier(role)} TO ${escapeIdentifier(user)} WITH ADMIN OPTION;`
        : `ALTER ROLE ${escapeIdentifier(user)} CREATEROLE;`;
    return [{ role, lack: { why: `${user} cannot forbid ${role} to log in`, remedy } }];
  });
}

const LOCK_SQL = `
  SELECT /* pgtrek: check-lock-privileges */ t.name
  FROM unnest($1::text[]) WITH ORDINALITY AS t (name, nth) JOIN ${BY_NAME}
  WHERE NOT has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE')
  ORDER BY t.nth LIMIT 5`;

export async function lackToLock(source: Session, tables: string[]): Promise<Lack | undefined> {
  if (tables.length === 0) return undefined;
  const rows = await source.query<{ name: string }>(LOCK_SQL, [tables]);
  if (rows.length === 0) return undefined;
  const { user } = source.endpoint;
  const refused = rows.map(({ name }) => name).join(', ');
  return {
    why: `${user} may not lock ${refused}`,
    remedy: `GRANT UPDATE ON ${refused} TO ${escapeIdentifier(user)};`,
  };
}
