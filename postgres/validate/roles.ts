/** Roles that the source's objects name as owner or in their privileges: the restore needs each of them. */
import type { Finding } from '../../contract/state.js';
import { largeObjectsOf } from '../large-objects/objects.js';
import type { OnBoth } from './check.js';
import { capFindings, listNames } from './check.js';
import { SET_ROLE_ID, createRole, joinRole, readRoles } from './target-roles.js';
import type { RolesAsked, TargetRole } from './target-roles.js';

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
  ), named AS (
    SELECT name, unnest(ARRAY[grantee, grantor]) AS role FROM acl WHERE $3
    UNION ALL
    SELECT format('policy %I of %s', p.polname, p.polrelid::regclass), unnest(p.polroles)
    FROM pg_policy p WHERE p.polrelid = ANY ($1::oid[])
    UNION ALL
    SELECT 'user mapping for server ' || quote_ident(srvname), umuser FROM pg_user_mappings
  )
  SELECT /* pgtrek: validate grantees */
    r.rolname::text AS role,
    array_agg(DISTINCT named.name ORDER BY named.name) AS objects
  FROM named
  JOIN pg_roles r ON r.oid = named.role
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
  const { roles, me } = await readRoles(target, namesOf(owners));
  const missing = owners.filter(({ role }) => !roles.has(role));
  return [
    ...tellMissingOwners(missing, { target, me }),
    ...tellUnsettable(
      owners.filter(({ role }) => roles.get(role)?.usable === false),
      { target, me, roles },
    ),
  ];
}

function tellMissingOwners(missing: Named[], { target, me }: RolesAsked): Finding[] {
  const id = 'target.owners';
  if (missing.length === 0)
    return [{ id, scope: 'target', verdict: 'ok', why: 'The target has every role that owns something.' }];
  return capFindings(
    missing.map(({ role, objects }) => ({
      id,
      scope: `target.role ${role}`,
      verdict: 'block',
      why: `The target has no role ${role}; ${countObjects(objects)} of the source belong to it: ${listNames(objects, 3)}.`,
      ...createRole(role, { target, me, joins: true, skip: 'schema.owners: skip' }),
    })),
  );
}

function tellUnsettable(refused: Named[], asked: RolesAsked & { roles: Map<string, TargetRole> }): Finding[] {
  const { user } = asked.target.endpoint;
  if (refused.length === 0)
    return [{ id: SET_ROLE_ID, scope: 'target', verdict: 'ok', why: `${user} may act as every owner.` }];
  return capFindings(
    refused.map(({ role, objects }) => ({
      id: SET_ROLE_ID,
      scope: `target.role ${role}`,
      verdict: 'block',
      why: `Role ${user} of the target may not act as ${role} (SET ROLE, with its rights); ${countObjects(objects)} of the source belong to it: ${listNames(objects, 3)}.`,
      ...joinRole(role, asked),
    })),
  );
}

function namesOf(named: Named[]): string[] {
  return named.map(({ role }) => role);
}

function countObjects(objects: string[]): string {
  return objects.length === 1 ? '1 object' : `${objects.length} objects`;
}

/** Named in privileges, which may be left out, and in policies and user mappings, which may not. */
export async function checkGrantees({ source, target, selection, spec, found }: OnBoth): Promise<Finding[]> {
  const oids = selection.selected.map(({ oid }) => oid);
  const keeps = spec.schema.privileges === 'keep';
  const grantees = await source.query<Named & Record<string, unknown>>(GRANTEES_SQL, [
    oids,
    largeObjectsOf(spec) === 'copy',
    keeps,
  ]);
  const { roles, me } = await readRoles(target, namesOf(grantees));
  // An owner that is missing stands in the privileges too, and is told of already.
  const isTold = (role: string) =>
    found.some(({ id, scope }) => id === 'target.owners' && scope === `target.role ${role}`);
  const missing = grantees.filter(({ role }) => !roles.has(role) && !isTold(role));
  if (missing.length > 0) return tellMissingGrantees(missing, { target, me });
  if (!keeps && grantees.length === 0) return [];
  const why = 'The target has every role that privileges, policies and user mappings of the source name.';
  return [{ id: 'target.grantees', scope: 'target', verdict: 'ok', why }];
}

function tellMissingGrantees(missing: Named[], { target, me }: RolesAsked): Finding[] {
  return capFindings(
    missing.map(({ role, objects }) => ({
      id: 'target.grantees',
      scope: `target.role ${role}`,
      verdict: 'block',
      why: `The target has no role ${role}, which is named in privileges, policies or user mappings of ${countObjects(objects)}: ${listNames(objects, 3)}.`,
      ...createRole(role, { target, me, joins: false, skip: 'schema.privileges: skip, for privileges' }),
    })),
  );
}

const DEFAULT_SQL = `
  SELECT /* pgtrek: validate default privileges */ pg_get_userbyid(d.defaclrole)::text AS role,
    array_agg(DISTINCT 'default privileges' || coalesce(' in ' || quote_ident(n.nspname), '')) AS objects
  FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
  GROUP BY 1 ORDER BY 1`;

/** Only a role itself, or who has its rights, may set what it grants by default. */
export async function checkDefaultPrivileges({ source, target, spec, found }: OnBoth): Promise<Finding[]> {
  if (spec.schema.privileges === 'skip') return [];
  const named = await source.query<Named & Record<string, unknown>>(DEFAULT_SQL);
  const { roles, me } = await readRoles(target, namesOf(named));
  const isTold = (role: string) =>
    found.some(({ id, scope }) => id === SET_ROLE_ID && scope === `target.role ${role}`);
  const refused = named.filter(({ role }) => roles.get(role)?.usable === false && !isTold(role));
  return capFindings(
    refused.map(({ role, objects }) => ({
      id: SET_ROLE_ID,
      scope: `target.role ${role}`,
      verdict: 'block',
      why: `Role ${me.role} of the target may not set the default privileges of ${role}, as it does not have its rights: ${listNames(objects, 3)}.`,
      ...(roles.get(role)?.superuser
        ? { remedy: 'Set schema.privileges: skip in the spec.' }
        : joinRole(role, { target, me, roles })),
    })),
  );
}
