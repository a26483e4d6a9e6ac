/** What the target's own database holds already, and the restore will find there: brought into the scratch database. */
import { escapeIdentifier, escapeLiteral } from 'pg';
import type { Session } from '../session.js';

const EXTENSIONS_SQL = `
  SELECT /* pgtrek: read target extensions */
    e.extname::text AS name, n.nspname::text AS schema, e.extversion AS version
  FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
  WHERE e.extname <> 'plpgsql'
  ORDER BY e.oid`;

const GRANTS_SQL = `
  WITH lists AS (
    SELECT 'SCHEMA public' AS object, coalesce(n.nspacl, acldefault('n', n.nspowner)) AS acl
    FROM pg_namespace n WHERE n.nspname = 'public'
    UNION ALL
    SELECT format('DATABASE %I', $1::text), coalesce(d.datacl, acldefault('d', d.datdba))
    FROM pg_database d WHERE d.datname = current_database()
  )
  SELECT /* pgtrek: read target grants */ format('GRANT %s ON %s TO %s', a.privilege_type, l.object,
    CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END) AS statement
  FROM lists l, aclexplode(l.acl) a`;

/** Returns the extensions that the role cannot make anew, though the target's database has them. */
export async function furnishScratch(
  target: Session,
  scratch: Session,
): Promise<{ name: string; why: string }[]> {
  await copyGrants(target, scratch);
  const extensions = await target.query<Record<'name' | 'schema' | 'version', string>>(EXTENSIONS_SQL);
  const missing = [];
  for (const { name, schema, version } of extensions) {
    const why =
      (await attempt(scratch, `CREATE SCHEMA IF NOT EXISTS ${escapeIdentifier(schema)}`)) ??
      (await attempt(
        scratch,
        `CREATE EXTENSION IF NOT EXISTS ${escapeIdentifier(name)} SCHEMA ${escapeIdentifier(schema)} VERSION ${escapeLiteral(version)}`,
      ));
    if (why !== undefined) missing.push({ name, why });
  }
  return missing;
}

/** Owners that objects are given to need CREATE there as in the target's database; what may not be granted is let be. */
async function copyGrants(target: Session, scratch: Session): Promise<void> {
  const { database } = scratch.endpoint;
  const grants = await target.query<{ statement: string }>(GRANTS_SQL, [database]);
  await attempt(scratch, 'REVOKE ALL ON SCHEMA public FROM PUBLIC');
  for (const { statement } of grants) await attempt(scratch, statement);
}

async function attempt(scratch: Session, statement: string): Promise<string | undefined> {
  try {
    await scratch.query(`/* pgtrek: furnish-scratch */ ${statement}`);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
