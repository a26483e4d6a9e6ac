/** Makes a database read-only for everybody who logs in from then on, and takes that back. */
import { escapeIdentifier, escapeLiteral } from 'pg';
import type { Session } from '../session.js';

/** What was set before; null: nothing. */
export interface FormerSettings {
  /** default_transaction_read_only of the database. */
  database: string | null;
  /** The same of our own role in the database. */
  role: string | null;
  /** Roles that may log in, and will not be allowed to. */
  login: string[];
  /** Our own role stays able to write. */
  keepsRole: boolean;
  /** False when the role may not close the database, and the caller keeps writers off it. */
  closes: boolean;
}

const setOf = (role: string) => `(
  SELECT o.option_value FROM pg_db_role_setting s, pg_options_to_table(s.setconfig) AS o
  WHERE s.setdatabase = d.oid AND s.setrole = ${role} AND o.option_name = 'default_transaction_read_only')`;

const FORMER_SQL = `
  SELECT /* pgtrek: read-settings */ ${setOf('0')} AS database,
    ${setOf('(SELECT oid FROM pg_roles WHERE rolname = current_user)')} AS role,
    ARRAY(SELECT rolname::text FROM pg_roles WHERE rolname = ANY ($1::text[]) AND rolcanlogin ORDER BY 1) AS login,
    pg_has_role(d.datdba, 'USAGE') AS closes
  FROM pg_database d WHERE d.datname = current_database()`;

export async function readSettings(
  session: Session,
  { denyLogin, keepsRole }: { denyLogin: string[]; keepsRole: boolean },
): Promise<FormerSettings> {
  const former = await session.one<Omit<FormerSettings, 'keepsRole'> & Record<string, unknown>>(FORMER_SQL, [
    denyLogin,
  ]);
  return { ...former, keepsRole };
}

/**
 * In one transaction. With lanes the other way our own role stays able to write: their marker must disable its subscription
 * there, which a read-only transaction may not.
 */
export async function closeDatabase(
  session: Session,
  { login, closes, keepsRole }: FormerSettings,
): Promise<void> {
  const database = escapeIdentifier(session.endpoint.database);
  const statements = [
    ...(closes && keepsRole
      ? [`ALTER ROLE CURRENT_USER IN DATABASE ${database} SET default_transaction_read_only = off`]
      : []),
    ...(closes ? [`ALTER DATABASE ${database} SET default_transaction_read_only = on`] : []),
    ...login.map((role) => `ALTER ROLE ${escapeIdentifier(role)} NOLOGIN`),
  ];
  if (statements.length > 0) await session.query(`/* pgtrek: close-database */ ${statements.join('; ')}`);
}

/** Puts back what was there before. */
export async function reopenDatabase(session: Session, former: FormerSettings): Promise<void> {
  const database = escapeIdentifier(session.endpoint.database);
  const statements = [
    ...former.login.map((role) => `ALTER ROLE ${escapeIdentifier(role)} LOGIN`),
    ...(former.closes ? [`ALTER DATABASE ${database} ${setting(former.database)}`] : []),
    ...(former.closes && former.keepsRole
      ? [`ALTER ROLE CURRENT_USER IN DATABASE ${database} ${setting(former.role)}`]
      : []),
  ];
  if (statements.length > 0) await session.query(`/* pgtrek: reopen-database */ ${statements.join('; ')}`);
}

function setting(former: string | null): string {
  const name = 'default_transaction_read_only';
  return former === null ? `RESET ${name}` : `SET ${name} = ${escapeLiteral(former)}`;
}

/**
 * A new primary that an earlier cutover the other way has closed is opened, with the roles that were to be kept out.
 * True when there was something to open: sessions that began before still cannot write.
 */
export async function openClosed(session: Session, denyLogin: string[]): Promise<boolean> {
  const { database, role, closes } = await readSettings(session, { denyLogin: [], keepsRole: true });
  if (database !== 'on' || !closes) return false;
  // Both settings together are what a cutover leaves that keeps a way back.
  const login = role === 'off' ? await findDenied(session, denyLogin) : [];
  await reopenDatabase(session, { database: null, role: null, login, keepsRole: true, closes });
  return true;
}

async function findDenied(session: Session, denyLogin: string[]): Promise<string[]> {
  const rows = await session.query<{ rolname: string }>(
    `SELECT /* pgtrek: find-denied-roles */ rolname::text FROM pg_roles
     WHERE rolname = ANY ($1::text[]) AND NOT rolcanlogin ORDER BY 1`,
    [denyLogin],
  );
  return rows.map(({ rolname }) => rolname);
}
