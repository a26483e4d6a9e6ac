/** Owner, privileges and comment of large objects: read on the source, set on the target as pg_restore would. */
import { escapeIdentifier, escapeLiteral } from 'pg';
import type { Spec } from '../../contract/spec.js';
import type { Session } from '../session.js';

const FACTS_SQL = `
  SELECT /* pgtrek: read-large-object-owners */ m.oid, pg_get_userbyid(m.lomowner)::text AS owner,
    obj_description(m.oid, 'pg_largeobject') AS comment
  FROM pg_largeobject_metadata m WHERE m.oid = ANY ($1::oid[]) ORDER BY m.oid`;

// Every right is granted by the owner, whoever granted it on the source: its effect is the same.
const GRANTS_SQL = `
  SELECT /* pgtrek: read-large-object-grants */
    format('GRANT %s ON LARGE OBJECT %s TO %s%s', a.privilege_type,
      string_agg(DISTINCT m.oid::text, ', '),
      CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
      CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) AS statement
  FROM pg_largeobject_metadata m, aclexplode(m.lomacl) a
  WHERE m.oid = ANY ($1::oid[]) AND a.grantee <> m.lomowner
  GROUP BY a.privilege_type, a.grantee, a.is_grantable`;

// An owner may have taken a right from itself.
const REVOKES_SQL = `
  SELECT /* pgtrek: read-large-object-revokes */
    format('REVOKE %s ON LARGE OBJECT %s FROM %I', p.privilege, string_agg(m.oid::text, ', '),
      pg_get_userbyid(m.lomowner)) AS statement
  FROM pg_largeobject_metadata m, unnest(ARRAY['SELECT', 'UPDATE']) AS p (privilege)
  WHERE m.oid = ANY ($1::oid[]) AND m.lomacl IS NOT NULL
    AND NOT EXISTS (
      SELECT FROM aclexplode(m.lomacl) a WHERE a.grantee = m.lomowner AND a.privilege_type = p.privilege)
  GROUP BY p.privilege, m.lomowner`;

/** In the target's transaction, after the content: the owner may be another one from here on. */
export async function bringRights(
  { source, target }: { source: Session; target: Session },
  schema: Spec['schema'],
  oids: number[],
): Promise<void> {
  const facts = await source.query<{ oid: number; owner: string; comment: string | null }>(FACTS_SQL, [oids]);
  const keepsOwners = schema.owners === 'keep';
  const statements = [
    ...facts.flatMap(({ oid, comment }) =>
      comment === null ? [] : [`COMMENT ON LARGE OBJECT ${oid} IS ${escapeLiteral(comment)}`],
    ),
    ...facts
      .filter(({ owner }) => keepsOwners && owner !== target.endpoint.user)
      .map(({ oid, owner }) => `ALTER LARGE OBJECT ${oid} OWNER TO ${escapeIdentifier(owner)}`),
  ];
  if (schema.privileges === 'keep') {
    statements.push(...(await readStatements(source, GRANTS_SQL, oids)));
    if (keepsOwners) statements.push(...(await readStatements(source, REVOKES_SQL, oids)));
  }
  if (statements.length > 0)
    await target.query(`/* pgtrek: set-large-object-rights */ ${statements.join(';\n')}`);
}

async function readStatements(source: Session, sql: string, oids: number[]): Promise<string[]> {
  return (await source.query<{ statement: string }>(sql, [oids])).map(({ statement }) => statement);
}
