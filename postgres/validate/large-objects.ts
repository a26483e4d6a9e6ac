/** Large objects: they are no tables, and no replication carries their changes. */
import { escapeIdentifier } from 'pg';
import type { Spec } from '../../contract/spec.js';
import type { Finding } from '../../contract/state.js';
import {
  countLargeObjects,
  findTaken,
  largeObjectsOf,
  listOids,
  tellTaken,
  unlinkRemedy,
} from '../large-objects/objects.js';
import type { Session } from '../session.js';
import type { OnBoth } from './check.js';
import { capFindings } from './check.js';

const ID = 'source.large_objects';

export async function checkLargeObjects({ source, target, spec, owner }: OnBoth): Promise<Finding[]> {
  const count = await countLargeObjects(source);
  if (count === 0)
    return [{ id: ID, scope: 'source', verdict: 'ok', why: 'The source has no large objects.' }];
  const verdict = judgeLargeObjects(spec, count);
  if (verdict.verdict === 'block' || largeObjectsOf(spec) === 'skip')
    return [{ id: ID, scope: 'source', ...verdict }];
  const obstacles = [
    ...(await tellUnreadable(source)),
    ...(await tellCollisions(source, target, owner ?? '')),
    ...(await tellTemporary(target, spec)),
  ];
  return [{ id: ID, scope: 'source', ...verdict }, ...obstacles];
}

/** What the spec means for a source that has some. */
function judgeLargeObjects(spec: Spec, count: number): Pick<Finding, 'verdict' | 'why' | 'remedy'> {
  const there = `The source has ${count} large objects`;
  const wanted = largeObjectsOf(spec);
  if (wanted === 'skip') {
    const why = `${there}, which stay behind: columns of the target refer to what is not there.`;
    return { verdict: 'warn', why, remedy: 'Bring them over by other means, if anything needs them.' };
  }
  const skip = 'Set select.largeObjects: skip in the spec, and bring them over by other means.';
  if (spec.mode === 'cdc' || spec.load.method === 'native') {
    const how = spec.mode === 'cdc' ? 'mode cdc copies nothing' : 'load.method: native copies tables only';
    return { verdict: 'block', why: `${there}, and ${how}.`, remedy: skip };
  }
  if (wanted === 'block') {
    return {
      verdict: 'block',
      why: `${there}, whose changes are not replicated.`,
      remedy: `Set select.largeObjects: copy in the spec, which brings them as they are when the load begins; or skip, which leaves them behind.`,
    };
  }
  if (spec.mode === 'full-load') return { verdict: 'ok', why: `${there}, which are copied.` };
  return {
    verdict: 'warn',
    why: `${there}, which are copied as they are when the load begins: no later change of them comes to the target.`,
    remedy:
      'Let nothing change them until the migration has ended, or bring what has changed by other means.',
  };
}

// The role may read what belongs to a role that it is a member of, unless that one has taken the right from itself.
const UNREADABLE_SQL = `
  SELECT /* pgtrek: validate large objects */ pg_get_userbyid(m.lomowner)::text AS owner,
    bool_or(r.rolsuper) AS superuser, count(*)::int AS objects,
    (array_agg(m.oid::int8::text ORDER BY m.oid))[1:100] AS oids
  FROM pg_largeobject_metadata m JOIN pg_roles r ON r.oid = m.lomowner
  WHERE current_setting('lo_compat_privileges') = 'off'
    AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
    AND NOT EXISTS (
      SELECT FROM aclexplode(coalesce(m.lomacl, acldefault('L', m.lomowner))) a
      WHERE a.privilege_type = 'SELECT' AND (a.grantee = 0 OR pg_has_role(a.grantee, 'USAGE'))
    )
  GROUP BY m.lomowner
  ORDER BY 1`;

interface Unreadable {
  owner: string;
  superuser: boolean;
  objects: number;
  /** The first hundred. */
  oids: string[];
}

async function tellUnreadable(source: Session): Promise<Finding[]> {
  const user = escapeIdentifier(source.endpoint.user);
  const rows = await source.query<Unreadable & Record<string, unknown>>(UNREADABLE_SQL);
  return capFindings(
    rows.map(({ owner, superuser, objects, oids }) => {
      const grant = `GRANT SELECT ON LARGE OBJECT ${oids.join(', ')} TO ${user};`;
      const some = `${grant}${objects > oids.length ? ' -- and so on for all of them' : ''}`;
      // Membership of a superuser is far more than reading some objects.
      const membership = `GRANT ${escapeIdentifier(owner)} TO ${user};`;
      return {
        id: 'source.privileges.large_objects',
        scope: `source.role ${owner}`,
        verdict: 'block',
        why: `${source.endpoint.user} may not read ${objects} large objects of the source that belong to ${owner}: ${listOids(oids.map(Number), objects)}.`,
        remedy: superuser || objects <= 5 ? some : `${membership} -- or ${some}`,
      };
    }),
  );
}

async function tellCollisions(source: Session, target: Session, owner: string): Promise<Finding[]> {
  const taken = await findTaken(source, target, owner);
  if (taken.length === 0) return [];
  return [
    {
      id: 'target.large_objects',
      scope: 'target',
      verdict: 'block',
      why: tellTaken(taken),
      remedy: unlinkRemedy(taken),
    },
  ];
}

const TEMPORARY_SQL = `
  SELECT /* pgtrek: validate temporary tables */ has_database_privilege(current_database(), 'TEMPORARY') AS allowed,
    format('GRANT TEMPORARY ON DATABASE %I TO %I;', current_database(), current_user) AS remedy`;

/** Their content is staged in a temporary table. */
async function tellTemporary(target: Session, { load }: Spec): Promise<Finding[]> {
  if (load.method === 'dump') return [];
  const { allowed, remedy } = await target.one<{ allowed: boolean; remedy: string }>(TEMPORARY_SQL);
  if (allowed) return [];
  const { user, database } = target.endpoint;
  const why = `Role ${user} has no TEMPORARY on database ${database} of the target, and large objects are copied through a temporary table.`;
  return [{ id: 'target.privileges.temporary', scope: 'target', verdict: 'block', why, remedy }];
}
