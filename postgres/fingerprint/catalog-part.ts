/** How one kind of object is read from the catalogs, and how all of them become one statement. */

/**
 * SQL expressions over `from`. Kinds, ids and raw facts come from catalog rows alone, so that they follow the
 * snapshot, take no lock, and do not change when another object is renamed. Names and definitions are for people: they
 * are computed for the few rows that are shown, and may fail or wait where somebody holds the object.
 */
export interface CatalogPart {
  from: string;
  /** What it is, as text: 'column'. */
  kind: string;
  /** With `subid` unique in its kind, and kept when the object is renamed. */
  objid: string;
  subid?: string;
  /** The relation that it belongs to: what is not selected does not count. None: it always counts. */
  rel?: string;
  /** Id of the object that it comes and goes with. */
  container?: string;
  /** Own name, and schema where it has one: another one means that it was renamed. Null: what has no name. */
  label?: string;
  /** By which it is known again when it was dropped and made anew; default: its label. */
  knownBy?: string;
  /** Facts: others mean that it was changed. */
  raw: string[];
  /** As SQL names it, quoted. */
  name: string;
  /** Its facts for people, complete: the same text means the same object, whatever `raw` says. */
  definition?: string;
  /** Who owns it, where that is not another object's. */
  role?: string;
  /** Privileges; `standard`: those of an object that nobody has granted anything on, where it has any. */
  acl?: { granted: string; owner?: string; standard?: string };
}

/** Relations and schemas of users, as selection.ts sees them: none of the system's, an extension's, a session's, or ours. */
const SCOPE_SQL = `
  WITH member AS (
    SELECT d.classid, d.objid FROM pg_catalog.pg_depend d
    WHERE d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.deptype = 'e'
  ), namespace AS (
    SELECT n.oid, n.nspname, n.nspowner, n.nspacl FROM pg_catalog.pg_namespace n
    WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgtrek')
  ), relation AS (
    SELECT c.oid, c.relkind, c.relnamespace, n.nspname, c.relname, c.relpersistence, c.relrowsecurity,
      c.relforcerowsecurity, c.reloptions, c.reloftype, c.relam, c.relispartition, c.relowner, c.relacl,
      md5(c.relpartbound::text) AS bound,
      CASE WHEN c.relkind IN ('v', 'm') THEN 'view' WHEN c.relkind = 'S' THEN 'sequence' ELSE 'table' END AS kind
    FROM pg_catalog.pg_class c JOIN namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relpersistence <> 't'
      AND NOT EXISTS (
        SELECT FROM member m WHERE m.classid = 'pg_catalog.pg_class'::regclass AND m.objid = c.oid
      )
  )`;

/** Quoted, with schema. */
export const qualified = (relation: string) => `format('%I.%I', ${relation}.nspname, ${relation}.relname)`;
/** Id of a relation of the scope. */
export const idOf = (relation: string) => `concat(${relation}.kind, '/', ${relation}.oid, '/0')`;

/** `letter`: the kind of object by which acldefault() knows it. */
export function privileges(granted: string, letter: string, owner: string): NonNullable<CatalogPart['acl']> {
  return { granted, owner, standard: `acldefault('${letter}', ${owner})` };
}

/** Null for standard privileges, whether they are written down or not. */
function aclOf({ granted, standard }: { granted: string; standard?: string }): string {
  return standard === undefined ? granted : `CASE WHEN ${granted} <> ${standard} THEN ${granted} END`;
}

/**
 * Summed over objects: the order in which they are read does not matter, and nothing need be sorted. The same
 * expression makes the hashes that are stored and those that are compared with them, always on the same server.
 */
function hashOf(part: CatalogPart): string {
  const facts = [
    part.kind,
    part.objid,
    part.subid ?? '0',
    ...(part.label === undefined ? [] : [part.label]),
    ...(part.role === undefined ? [] : [part.role]),
    ...(part.acl === undefined ? [] : [`(${aclOf(part.acl)})::text`]),
    ...part.raw.map((fact) => `concat(${fact})`),
  ];
  return `hashtextextended(concat_ws('|', ${facts.join(', ')}) COLLATE "C", 0)`;
}

function hashesSql(parts: CatalogPart[]): string {
  const selects = parts.map(
    (part) => `SELECT ${part.rel ?? '0::oid'} AS rel, ${hashOf(part)} AS hash ${part.from}`,
  );
  return selects.join(' UNION ALL ');
}

/** One row: a digest of everything. */
export function digestSql(parts: CatalogPart[]): string {
  return `${SCOPE_SQL}
    SELECT /* pgtrek: read-schema-digest */ concat(count(*), ':', sum(h.hash)) AS digest
    FROM (${hashesSql(parts)}) h`;
}

/** One row a relation, and one (rel 0) for what belongs to none. */
export function relationDigestsSql(parts: CatalogPart[]): string {
  return `${SCOPE_SQL}
    SELECT /* pgtrek: read-relation-digests */ h.rel, concat(count(*), ':', sum(h.hash)) AS digest
    FROM (${hashesSql(parts)}) h GROUP BY h.rel`;
}

/** Who may do what, sorted, with the owner under that name: a new owner is no new privilege. */
function aclTextOf(part: CatalogPart): string {
  if (part.acl === undefined) return 'NULL::text';
  const owner = part.acl.owner ?? '0::oid';
  return `(
    SELECT string_agg(concat(g.grantee, '=', g.privileges), ' ' ORDER BY g.grantee COLLATE "C")
    FROM (
      SELECT CASE x.grantee WHEN 0 THEN 'PUBLIC' WHEN ${owner} THEN 'owner' ELSE quote_ident(pg_get_userbyid(x.grantee)) END,
        string_agg(x.privilege_type || CASE WHEN x.is_grantable THEN '*' ELSE '' END, ',' ORDER BY x.privilege_type)
      FROM aclexplode(${aclOf(part.acl)}) x GROUP BY x.grantee
    ) g (grantee, privileges))`;
}

function itemSql(part: CatalogPart, withDefinitions: boolean): string {
  return `
    SELECT concat(${part.kind}, '/', ${part.objid}, '/', ${part.subid ?? '0'}) AS id, ${part.kind} AS kind,
      ${part.rel ?? '0::oid'} AS rel, ${part.container ?? `''`} AS container,
      ${part.label === undefined ? `''` : `(${part.label})::text`} AS label,
      (${part.knownBy ?? part.label ?? `''`})::text AS known, concat_ws('|', ${part.raw.map((fact) => `concat(${fact})`).join(', ')}) AS raw,
      ${part.name} AS name, ${(withDefinitions && part.definition) || 'NULL::text'} AS definition,
      ${part.role === undefined ? 'NULL::text' : `pg_get_userbyid(${part.role})::text`} AS role,
      ${aclTextOf(part)} AS acl, ${hashOf(part)}::text AS hash
    ${part.from}`;
}

/** The objects of these relations ($1, rel 0 for those of none); null: all. */
export function itemsSql(parts: CatalogPart[], withDefinitions: boolean): string {
  return `${SCOPE_SQL}
    SELECT /* pgtrek: read-schema-items */ i.* FROM (
      ${parts.map((part) => itemSql(part, withDefinitions)).join(' UNION ALL ')}
    ) i WHERE $1::oid[] IS NULL OR i.rel = ANY ($1::oid[])`;
}
