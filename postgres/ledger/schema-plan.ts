/** The schema's part of the ledger: written once, in one transaction, read by every later step. */
import type { DumpResult } from '../../contract/activities.js';
import { writeFingerprint } from '../fingerprint/store-fingerprint.js';
import type { Fingerprint } from '../fingerprint/store-fingerprint.js';
import type { ForeignKeyDefinition, IndexDefinition } from '../schema/read-definitions.js';
import { BUILT_BY_US } from '../schema/table-of-contents.js';
import type { ArchiveEntry } from '../schema/table-of-contents.js';
import type { Session } from '../session.js';

export interface PlannedRelation {
  oid: number;
  qualified: string;
  kind: string;
  /** Oid of the partitioned table at the top; its own otherwise. */
  root: number;
  isLogged: boolean;
  /** Rows that travel, and changes; for a materialised view: that it is refreshed. */
  hasData: boolean;
  columns: string;
  isBinary: boolean;
  /** Condition of the spec; '' for all rows. */
  filter: string;
  bytes: string;
  /** Of the heap alone. */
  pages: string;
}

export type PlannedEntry = ArchiveEntry & {
  type?: string;
  identity?: string;
  leftOut: string | undefined;
};

export interface SchemaPlan {
  archive: Buffer;
  /** Of pg_dump. */
  clientMajor: number;
  entries: PlannedEntry[];
  relations: PlannedRelation[];
  indexes: IndexDefinition[];
  foreignKeys: ForeignKeyDefinition[];
  fingerprint: Fingerprint;
}

/** Tables whose rows are on the way, or whose changes are. */
export async function countTables(target: Session, owner: string): Promise<number> {
  const { tables } = await target.one<{ tables: number }>(
    `SELECT /* pgtrek: count-tables */ count(*)::int AS tables FROM pgtrek.relation
     WHERE owner = $1 AND has_data AND kind = 'r'`,
    [owner],
  );
  return tables;
}

const SUMMARY_SQL = `
  SELECT /* pgtrek: read-schema */
    (SELECT count(*) FROM pgtrek.relation r WHERE r.owner = $1 AND r.has_data AND r.kind = 'r')::int AS tables,
    (SELECT count(*) FROM pgtrek.table_index i WHERE i.owner = $1)::int AS indexes,
    (SELECT count(*) FROM pgtrek.foreign_key k WHERE k.owner = $1)::int AS constraints,
    ARRAY(SELECT e.line || ': ' || e.left_out FROM pgtrek.entry e
      WHERE e.owner = $1 AND e.left_out <> $2 ORDER BY e.position LIMIT 100) AS "leftOut"
  FROM pgtrek.archive a WHERE a.owner = $1`;

/** What the ledger holds already; undefined when nothing was dumped yet. */
export async function readSchema(target: Session, owner: string): Promise<DumpResult | undefined> {
  const [summary] = await target.query<DumpResult & Record<string, unknown>>(SUMMARY_SQL, [
    owner,
    BUILT_BY_US,
  ]);
  return summary;
}

const ENTRIES_SQL = `
  INSERT /* pgtrek: write-entries */ INTO pgtrek.entry
    (owner, position, section, kind, line, object_type, identity, left_out)
  SELECT $1, e.n - 1, e.entry->>'section', e.entry->>'kind', e.entry->>'line', e.entry->>'type',
    e.entry->>'identity', e.entry->>'leftOut'
  FROM jsonb_array_elements($2::jsonb) WITH ORDINALITY AS e (entry, n)`;

const RELATIONS_SQL = `
  INSERT INTO pgtrek.relation
    (owner, id, oid, qualified, kind, root, is_logged, has_data, columns, is_binary, filter, bytes, pages)
  SELECT $1, e.n, (e.r->>'oid')::oid, e.r->>'qualified', e.r->>'kind', coalesce(root.n, e.n),
    (e.r->>'isLogged')::boolean, (e.r->>'hasData')::boolean, e.r->>'columns', (e.r->>'isBinary')::boolean,
    e.r->>'filter', (e.r->>'bytes')::bigint, (e.r->>'pages')::bigint
  FROM jsonb_array_elements($2::jsonb) WITH ORDINALITY AS e (r, n)
    LEFT JOIN jsonb_array_elements($2::jsonb) WITH ORDINALITY AS root (r, n) ON root.r->'oid' = e.r->'root'`;

const INDEXES_SQL = `
  INSERT INTO pgtrek.table_index
    (owner, id, relation, qualified, index_sql, constraint_name, constraint_sql, follow_up_sql, bytes)
  SELECT $1, e.n, t.id, e.i->>'qualified', e.i->>'indexSql', e.i->>'constraintName', e.i->>'constraintSql',
    ARRAY(SELECT jsonb_array_elements_text(e.i->'followUpSql')), (e.i->>'bytes')::bigint
  FROM jsonb_array_elements($2::jsonb) WITH ORDINALITY AS e (i, n)
    JOIN pgtrek.relation t ON t.owner = $1 AND t.oid = (e.i->>'tableOid')::oid`;

const FOREIGN_KEYS_SQL = `
  INSERT INTO pgtrek.foreign_key
    (owner, id, qualified, constraint_name, definition, referenced, is_partitioned, is_validated, violations_sql,
      comment)
  SELECT $1, e.n, e.k->>'qualified', e.k->>'constraintName', e.k->>'definition', t.id,
    (e.k->>'isPartitioned')::boolean, (e.k->>'isValidated')::boolean, e.k->>'violationsSql', e.k->>'comment'
  FROM jsonb_array_elements($2::jsonb) WITH ORDINALITY AS e (k, n)
    JOIN pgtrek.relation t ON t.owner = $1 AND t.oid = (e.k->>'referencedOid')::oid`;

const ARCHIVE_SQL = `
  INSERT /* pgtrek: write-archive */ INTO pgtrek.archive (owner, client_major, content) VALUES ($1, $2, $3)`;

export async function hasRelations(target: Session, owner: string): Promise<boolean> {
  const known = await target.query(
    'SELECT /* pgtrek: look-for-relations */ FROM pgtrek.relation WHERE owner = $1 LIMIT 1',
    [owner],
  );
  return known.length > 0;
}

export async function writeRelations(
  target: Session,
  owner: string,
  relations: PlannedRelation[],
): Promise<void> {
  await target.query(RELATIONS_SQL, [owner, JSON.stringify(relations)]);
}

export async function writeSchema(target: Session, owner: string, plan: SchemaPlan): Promise<void> {
  await target.transaction(async () => {
    await writeRelations(target, owner, plan.relations);
    await writeDefinitions(target, owner, plan);
  });
  // Thousands of tables are looked up one by one from here on.
  await target.query(
    'ANALYZE /* pgtrek: analyze-ledger */ pgtrek.relation, pgtrek.table_index, pgtrek.foreign_key',
  );
}

/** Inside a transaction, when the relations are entered: everything else, in place of what the owner had before. */
export async function writeDefinitions(target: Session, owner: string, plan: SchemaPlan): Promise<void> {
  for (const table of ['entry', 'table_index', 'foreign_key', 'archive'])
    await target.query(`DELETE FROM pgtrek.${table} WHERE owner = $1`, [owner]);
  await target.query(ENTRIES_SQL, [owner, JSON.stringify(plan.entries)]);
  await target.query(INDEXES_SQL, [owner, JSON.stringify(plan.indexes)]);
  await target.query(FOREIGN_KEYS_SQL, [owner, JSON.stringify(plan.foreignKeys)]);
  await writeFingerprint(target, owner, plan.fingerprint);
  await target.query(ARCHIVE_SQL, [owner, plan.clientMajor, plan.archive]);
}
