/** Which relations of the source travel: the catalog's list, and the patterns of the spec applied to it. */
import type { Spec } from '../contract/spec.js';
import { givenStart } from './lane/lane-names.js';
import { parseNamePattern } from './name-pattern.js';
import type { NamePattern } from './name-pattern.js';
import type { Session } from './session.js';

/** What the selection goes by. */
export interface RelationName {
  oid: number;
  schema: string;
  name: string;
  /** The parent's oid when it is a partition. */
  partitionOf: number | null;
  /** The table's oid when it is the sequence of a serial or identity column. */
  ownedBy: number | null;
}

export interface Relation extends RelationName {
  /** Quoted, for SQL. */
  qualified: string;
  /** Table, partitioned table, view, materialised view, sequence, foreign table. */
  kind: 'r' | 'p' | 'v' | 'm' | 'S' | 'f';
  /** Permanent or unlogged. */
  persistence: 'p' | 'u';
  owner: string;
  /** Default, nothing, full, index. */
  replicaIdentity: 'd' | 'n' | 'f' | 'i';
  /** pg_table_size, as text; '0' for kinds without storage. */
  bytes: string;
  /** Of the heap alone, as text. */
  pages: string;
  /** From the last ANALYZE; 0 when it never ran. */
  estimatedRows: number;
}

export interface Selection<Each extends RelationName = Relation> {
  selected: Each[];
  excluded: Each[];
  /** Oids of selected relations whose rows do not travel. */
  withoutData: Set<number>;
  /** Patterns that match nothing. */
  unmatched: string[];
}

const NAME_COLUMNS = `
    c.oid,
    n.nspname::text AS schema,
    c.relname::text AS name,
    (SELECT i.inhparent FROM pg_inherits i WHERE i.inhrelid = c.oid AND c.relispartition LIMIT 1) AS "partitionOf",
    (SELECT d.refobjid
       FROM pg_depend d
      WHERE c.relkind = 'S' AND d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0
        AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
      LIMIT 1) AS "ownedBy"`;

const FACT_COLUMNS = `
    format('%I.%I', n.nspname, c.relname) AS qualified,
    c.relkind::text AS kind,
    c.relpersistence::text AS persistence,
    pg_get_userbyid(c.relowner)::text AS owner,
    c.relreplident::text AS "replicaIdentity",
    greatest(c.reltuples, 0)::float8 AS "estimatedRows"`;

/** Where their sizes come from: of their files, or as VACUUM, ANALYZE and the like have recorded them. */
type Sizes = 'measured' | 'recorded';

const SIZE_COLUMNS: Record<Sizes, string> = {
  measured: `
    CASE WHEN c.relkind IN ('r', 'm', 'S') THEN coalesce(pg_table_size(c.oid), 0) ELSE 0 END::text AS bytes,
    (CASE WHEN c.relkind = 'r' THEN coalesce(pg_relation_size(c.oid), 0) ELSE 0 END
      / current_setting('block_size')::int)::text AS pages`,
  recorded: `
    ((greatest(c.relpages, 0)
      + coalesce((SELECT greatest(t.relpages, 0) FROM pg_class t WHERE t.oid = c.reltoastrelid), 0))::int8
      * current_setting('block_size')::int)::text AS bytes,
    greatest(c.relpages, 0)::text AS pages`,
};

const FROM_SQL = `
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
    AND c.relpersistence <> 't'
    AND n.nspname !~ '^pg_'
    AND n.nspname NOT IN ('information_schema', 'pgtrek')
    AND NOT EXISTS (
      SELECT FROM pg_depend d
      WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0 AND d.deptype = 'e'
    )
  ORDER BY n.nspname, c.relname`;

/**
 * Every relation of users, ordered by schema and name: none of the system's, an extension's, a session's, or ours. To
 * measure them waits for a table that somebody holds.
 */
export async function readRelations(session: Session, sizes: Sizes = 'measured'): Promise<Relation[]> {
  return session.query<Relation>(
    `SELECT /* pgtrek: read relations */ ${NAME_COLUMNS}, ${FACT_COLUMNS}, ${SIZE_COLUMNS[sizes]} ${FROM_SQL}`,
  );
}

/** The same without their sizes, which wait for a table that somebody holds. */
export async function readRelationNames(session: Session): Promise<RelationName[]> {
  return session.query<RelationName & Record<string, unknown>>(
    `SELECT /* pgtrek: read relation names */ ${NAME_COLUMNS} ${FROM_SQL}`,
  );
}

/**
 * What travels. With a publication that was given, tables are those that it publishes: a row that it does not send never
 * comes, whatever the patterns say.
 */
export async function readSelection(
  source: Session,
  spec: Spec,
  sizes?: Sizes,
): Promise<{ relations: Relation[]; selection: Selection }> {
  const relations = await readRelations(source, sizes);
  const selection = selectRelations(relations, spec.select);
  const given = givenStart(spec);
  if (!given) return { relations, selection };
  const published = await readPublished(source, given.publication);
  const byOid = new Map(relations.map((relation) => [relation.oid, relation]));
  const selected = relations.filter(
    (relation) =>
      familyOf(relation, byOid).some(({ oid }) => published.has(oid)) ||
      (!'rp'.includes(relation.kind) && selection.selected.includes(relation)),
  );
  const kept = new Set(selected);
  return {
    relations,
    selection: { ...selection, selected, excluded: relations.filter((relation) => !kept.has(relation)) },
  };
}

const PUBLISHED_SQL = `
  SELECT /* pgtrek: read-publication */ format('%I.%I', schemaname, tablename)::regclass::oid AS oid
  FROM pg_publication_tables WHERE pubname = $1`;

async function readPublished(source: Session, publication: string): Promise<Set<number>> {
  const rows = await source.query<{ oid: number }>(PUBLISHED_SQL, [publication]);
  return new Set(rows.map(({ oid }) => oid));
}

/** A partition follows its parents, and the sequence of a serial or identity column follows its table. */
export function selectRelations<Each extends RelationName>(
  relations: Each[],
  select: Pick<Spec['select'], 'include' | 'exclude' | 'excludeData'>,
): Selection<Each> {
  const include = select.include.map(parseNamePattern);
  const exclude = select.exclude.map(parseNamePattern);
  const excludeData = select.excludeData.map(parseNamePattern);
  const byOid = new Map<number, RelationName>(relations.map((relation) => [relation.oid, relation]));

  const isSelected = (relation: RelationName) => {
    const family = familyOf(tableOf(relation, byOid), byOid);
    return (include.length === 0 || matchesAny(include, family)) && !matchesAny(exclude, family);
  };
  const selected = relations.filter(isSelected);
  const kept = new Set(selected);
  return {
    selected,
    excluded: relations.filter((relation) => !kept.has(relation)),
    withoutData: new Set(
      selected.filter((relation) => matchesAny(excludeData, familyOf(relation, byOid))).map(({ oid }) => oid),
    ),
    unmatched: [...include, ...exclude, ...excludeData]
      .filter((pattern) => !relations.some((relation) => pattern.matches(relation)))
      .map(({ text }) => text),
  };
}

/** Oid of the partitioned table at the top; its own where there is none. */
export function rootOf(relation: RelationName, byOid: Map<number, RelationName>): number {
  return familyOf(relation, byOid).at(-1)?.oid ?? relation.oid;
}

function tableOf(relation: RelationName, byOid: Map<number, RelationName>): RelationName {
  const table = relation.ownedBy === null ? undefined : byOid.get(relation.ownedBy);
  return table ?? relation;
}

/** The relation, then its parent, and so on up to the root of its partitions. */
function familyOf(relation: RelationName, byOid: Map<number, RelationName>): RelationName[] {
  const parent = relation.partitionOf === null ? undefined : byOid.get(relation.partitionOf);
  return parent ? [relation, ...familyOf(parent, byOid)] : [relation];
}

function matchesAny(patterns: NamePattern[], family: RelationName[]): boolean {
  return patterns.some((pattern) => family.some((relation) => pattern.matches(relation)));
}
