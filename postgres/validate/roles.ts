/** Roles that the source's objects name as owner or in their privileges: the restore needs each of them. */
import { escapeIdentifier } from 'pg';
import type { Finding } from '../../contract/state.js';
import { largeObjectsOf } from '../large-objects/objects.js';
import type { Session } from '../session.js';
import type { OnBoth } from './check.js';
import { capFindings, listNames } from './check.js';

// Everything but the excluded relations is dumped, whichever relations are included.
const OBJECTS_SQL = `
  WITH extension_member AS (
    SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
  ), object AS (
    SELECT 'schema ' || quote_ident(n.nspname) AS name, n.nspowner AS owner, n.nspacl AS acl,
      'pg_namespace'::regclass AS class, n.oid, n.oid AS schema
    FROM pg_namespace n
    UNION ALL
    SELECT format('%I.%I', n.nspname, c.relname), c.relowner, c.relacl, 'pg_class'::regclass, c.oid, n.oid
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = ANY ($1::oid[])
    UNION ALL
    SELECT format('%I.%I.%I', n.nspname, c.relname, a.attname), c.relowner, a.attacl, 'pg_class'::regclass, c.oid, n.oid
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.oid = ANY ($1::oid[]) AND a.attacl IS NOT NULL
    UNION ALL
    SELECT p.oid::regprocedure::text, p.proowner, p.proacl, 'pg_proc'::regclass, p.oid, p.pronamespace
    FROM pg_proc p
    UNION ALL
    SELECT t.oid::regtype::text, t.typowner, t.typacl, 'pg_type'::regclass, t.oid, t.typnamespace
    FROM pg_type t
    WHERE t.typtype IN ('e', 'd', 'r')
       OR t.typtype = 'c' AND EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c')
    UNION ALL
    -- There may be millions of them, with few owners and privileges.
    SELECT DISTINCT 'large objects', m.lomowner, m.lomacl, 'pg_largeobject'::regclass, 0::oid, NULL::oid
    FROM pg_largeobject_metadata m
    WHERE $2
  )`;

// Schema public belongs to whoever it is on the target; its owner is restored only when it was changed.
const OWNERS_SQL = `${OBJECTS_SQL}
  SELECT /* pgtrek: validate owners */
    pg_get_userbyid(o.owner)::text AS role,
    array_agg(o.name ORDER BY o.name) AS objects
  FROM object o
  LEFT JOIN pg_namespace s ON s.oid = o.schema
  WHERE coalesce(s.nspname, '') !~ '^pg_' AND coalesce(s.nspname, '') NOT IN ('information_schema', 'pgtrek')
    AND NOT EXISTS (SELECT FROM extension_member e WHERE e.classid = o.class AND e.objid = o.oid)
    AND NOT (o.class = 'pg_namespace'::regclass AND s.nspname = 'public')
  GROUP BY o.owner
  ORDER BY 1`;

const GRANTEES_SQL = `${OBJECTS_SQL}, acl AS (
    SELECT o.name, a.grantee, a.grantor
    FROM object o
    LEFT JOIN pg_namespace s ON s.oid = o.schema
    CROSS JOIN LATERAL aclexplode(o.acl) a
    WHERE coalesce(s.nspname, '') !~ '^pg_' AND coalesce(s.nspname, '') NOT IN ('information_schema', 'pgtrek')
      AND NOT EXISTS (SELECT FROM extension_member e WHERE e.classid = o.class AND e.objid = o.oid)
      AND NOT (s.nspname = 'public' AND o.class = 'pg_namespace'::regclass AND a.grantee IN (0, o.owner))
    UNION ALL
    SELECT 'default privileges of ' || pg_get_userbyid(d.defaclrole), unnest(ARRAY[a.grantee, d.defaclrole]), d.defaclrole
    FROM pg_default_acl d CROSS JOIN LATERAL aclexplode(d.defaclacl) a
  )
  SELECT /* pgtrek: validate grantees */
    r.rolname::text AS role,
    array_agg(DISTINCT acl.name ORDER BY acl.name) AS objects
  FROM acl
  JOIN pg_roles r ON r.oid IN (acl.grantee, acl.grantor)
  GROUP BY r.rolname
  ORDER BY 1`;

interface Named {
  role: string;
  objects: string[];
}

export async function checkOwners({ source, target, selection, spec }: OnBoth): Promise<Finding[]> {
  if (spec.schema.owners === 'skip') return [];
  const oids = selection.selected.map(({ oid }) => oid);
  const owners = await source.query<Named & Record<string, unknown>>(OWNERS_SQL, [
    oids,
    largeObjectsOf(spec) === 'copy',
  ]);
  const roles = await readRoles(
    target,
    owners.map(({ role }) => role),
  );
  const findings = owners.flatMap((owner) => tellOwner(target, owner, roles.get(owner.role)));
  if (findings.length > 0) return capFindings(findings);
  const why = `The target has every role that owns something: ${listNames(owners.map(({ role }) => role))}.`;
  return [{ id: 'target.owners', scope: 'target', verdict: 'ok', why }];
}

function tellOwner(target: Session, { role, objects }: Named, found: TargetRole | undefined): Finding[] {
  if (found?.settable) return [];
  const finding = { id: 'target.owners', scope: `target.role ${role}`, verdict: 'block' } as const;
  const owned = `${objects.length} objects of the source belong to it: ${listNames(objects, 3)}`;
  const skip = 'or schema.owners: skip';
  if (!found) {
    const why = `The target has no role ${role}; ${owned}.`;
    return [{ ...finding, why, remedy: `CREATE ROLE ${escapeIdentifier(role)}; -- ${skip}` }];
  }
  const { user } = target.endpoint;
  const how = target.version >= 160000 ? ' WITH SET TRUE' : '';
  // Membership of a superuser is far more than owning some objects.
  const grant = `GRANT ${escapeIdentifier(role)} TO ${escapeIdentifier(user)}${how}; -- ${skip}`;
  const remedy = found.superuser ? 'Set schema.owners: skip in the spec.' : grant;
  return [
    { ...finding, why: `Role ${user} of the target may not act as ${role} (SET ROLE); ${owned}.`, remedy },
  ];
}

export async function checkGrantees({ source, target, selection, spec, found }: OnBoth): Promise<Finding[]> {
  if (spec.schema.privileges === 'skip') return [];
  const oids = selection.selected.map(({ oid }) => oid);
  const grantees = await source.query<Named & Record<string, unknown>>(GRANTEES_SQL, [
    oids,
    largeObjectsOf(spec) === 'copy',
  ]);
  const roles = await readRoles(
    target,
    grantees.map(({ role }) => role),
  );
  // An owner that is missing stands in the privileges too, and is told of already.
  const isTold = (role: string) =>
    found.some(({ id, scope }) => id === 'target.owners' && scope === `target.role ${role}`);
  const missing = grantees.filter(({ role }) => !roles.has(role) && !isTold(role));
  if (missing.length === 0) {
    const why = 'The target has every role that privileges of the source name.';
    return [{ id: 'target.grantees', scope: 'target', verdict: 'ok', why }];
  }
  return capFindings(
    missing.map(({ role, objects }) => ({
      id: 'target.grantees',
      scope: `target.role ${role}`,
      verdict: 'block',
      why: `The target has no role ${role}, which is named in the privileges of ${objects.length} objects: ${listNames(objects, 3)}.`,
      // Names that begin with pg_ are the server's own: a role of a newer version cannot be made.
      remedy: role.startsWith('pg_')
        ? `Set schema.privileges: skip, or revoke them on the source.`
        : `CREATE ROLE ${escapeIdentifier(role)}; -- or schema.privileges: skip`,
    })),
  );
}

/** The roles that exist there, and whether the target's user may SET ROLE to each. */
interface TargetRole {
  role: string;
  /** The target user may SET ROLE to it. */
  settable: boolean;
  superuser: boolean;
}

async function readRoles(target: Session, names: string[]): Promise<Map<string, TargetRole>> {
  const rows = await target.query<TargetRole & Record<string, unknown>>(
    `SELECT /* pgtrek: validate roles */ rolname::text AS role,
       pg_has_role(oid, '${target.version >= 160000 ? 'SET' : 'MEMBER'}') AS settable,
       rolsuper AS superuser
     FROM pg_roles WHERE rolname = ANY ($1::text[])`,
    [names],
  );
  return new Map(rows.map((row) => [row.role, row]));
}
