/** The roles of the target: which are there, what our role may do with them, and how to make and join them. */
import { escapeIdentifier } from 'pg';
import type { Finding } from '../../contract/findings.js';
import type { Session } from '../session.js';
import { grantMembership } from './membership.js';

/** Our role may not act as another one. */
export const SET_ROLE_ID = 'target.privileges.set_role';

/** A role that exists on the target, and what the target's user may do with it. */
export interface TargetRole {
  role: string;
  /** It may SET ROLE to it, and has its rights without that. */
  usable: boolean;
  superuser: boolean;
  /** It may make itself a member. */
  grantable: boolean;
}

/** The target's user. */
interface Me {
  role: string;
  superuser: boolean;
  inherits: boolean;
  /** It may create roles. */
  creates: boolean;
}

const ME_SQL = `
  SELECT /* pgtrek: validate own role */ rolname::text AS role, rolsuper AS superuser, rolinherit AS inherits,
    rolsuper OR rolcreaterole AS creates
  FROM pg_roles WHERE rolname = current_user`;

// Before 16 who may create roles may grant them, too.
const rolesSql = (version: number) => `
  SELECT /* pgtrek: validate roles */ rolname::text AS role,
    pg_has_role(oid, '${version >= 160000 ? 'SET' : 'MEMBER'}') AND pg_has_role(oid, 'USAGE') AS usable,
    rolsuper AS superuser,
    NOT rolsuper AND (pg_has_role(oid, 'MEMBER WITH ADMIN OPTION') ${version >= 160000 ? '' : 'OR $2'}) AS grantable
  FROM pg_roles WHERE rolname = ANY ($1::text[])`;

export async function readRoles(
  target: Session,
  names: string[],
): Promise<{ roles: Map<string, TargetRole>; me: Me }> {
  const me = await target.one<Me & Record<string, unknown>>(ME_SQL);
  const rows = await target.query<TargetRole & Record<string, unknown>>(
    rolesSql(target.version),
    target.version >= 160000 ? [names] : [names, me.creates],
  );
  return { roles: new Map(rows.map((row) => [row.role, row])), me };
}

export interface RolesAsked {
  target: Session;
  me: Me;
}

/** Membership of a superuser is far more than owning some objects. */
export function joinRole(
  role: string,
  { target, me, roles }: RolesAsked & { roles: Map<string, TargetRole> },
): Pick<Finding, 'remedy' | 'fix'> {
  const found = roles.get(role);
  if (found?.superuser) return { remedy: 'Set schema.owners: skip in the spec.' };
  const statements = grantMembership({
    of: role,
    role: me.role,
    inherits: me.inherits,
    version: target.version,
  });
  return {
    remedy: `${statements.join(' ')} -- or schema.owners: skip`,
    ...(me.superuser || found?.grantable ? { fix: { on: target.endpoint.end, statements } } : {}),
  };
}

/** Whoever creates a role is no member of it that may SET ROLE. */
export function createRole(
  role: string,
  { target, me, joins, skip }: RolesAsked & { joins: boolean; skip: string },
): Pick<Finding, 'remedy' | 'fix'> {
  // Names that begin with pg_ are the server's own: a role of a newer version cannot be made.
  if (role.startsWith('pg_'))
    return { remedy: `Set ${skip} in the spec, or use another role on the source.` };
  const create = `CREATE ROLE ${escapeIdentifier(role)};`;
  const membership = { of: role, role: me.role, inherits: me.inherits, version: target.version };
  const statements = [create, ...(joins && !me.superuser ? grantMembership(membership) : [])];
  return {
    remedy: `${statements.join(' ')} -- or ${skip}`,
    ...(me.creates ? { fix: { on: target.endpoint.end, statements } } : {}),
  };
}
