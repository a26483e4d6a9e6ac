/** Which tables are compared, and what must be known of each: columns, a key, how far its order can be trusted. */
import { escapeLiteral } from 'pg';
import type { Spec } from '../../contract/spec.js';
import { parseNamePattern } from '../name-pattern.js';
import { closed, findPartialRelations } from '../partial-tables.js';
import { readSelection, rootOf } from '../selection.js';
import type { Relation, RelationName } from '../selection.js';
import type { Session } from '../session.js';
import { verifySettings } from './settings.js';

export type End = 'source' | 'target';

export interface KeyColumn {
  /** Quoted. */
  name: string;
  /** As a cast writes it. */
  type: string;
  /** Its equality is found without a search_path, so that an index serves a look by value. */
  isPlain: boolean;
  isNumber: boolean;
  /** What its order goes by; the same on both ends means that ranges hold the same keys there. Null: unknown. */
  order: string | null;
}

export interface ComparedTable {
  qualified: string;
  /** What follows FROM. */
  from: Record<End, string>;
  /** Quoted, in the source's order. */
  columns: string[];
  /** Each column as it is compared. */
  values: string[];
  /** Columns that an UPDATE may set. */
  settable: string[];
  /** Undefined: no unique key without nulls. */
  key: KeyColumn[] | undefined;
  /** The first columns of the key whose order is the same on both ends; empty: the table is one chunk. */
  ranged: KeyColumn[];
  /** Condition of the spec on the source's rows; '' for all. */
  filter: string;
  /** With TOAST. */
  bytes: number;
  pages: number;
}

export interface NotCompared {
  table: string;
  why: string;
}

export interface TablesToCompare {
  tables: ComparedTable[];
  /** They are on the source alone, or lack columns. */
  missing: { qualified: string; from: string; why: string }[];
  notCompared: NotCompared[];
}

interface TableFacts {
  oid: number;
  columns: string[];
  values: string[];
  settable: string[];
  keys: KeyColumn[][];
  correlation: number | null;
}

/** Version of the collation that the server's library has now; a function of 15 and later for the database's own. */
function orderSql(version: number): string {
  const ofDatabase = version >= 150000 ? 'pg_database_collation_actual_version(d.oid)' : 'NULL';
  return `
    CASE WHEN a.attcollation = 0 OR o.collname IN ('C', 'POSIX')
        OR (o.collname = 'default' AND coalesce(d.j->>'datlocprovider', 'c') = 'c' AND d.j->>'datcollate' IN ('C', 'POSIX'))
      THEN 'bytes'
      WHEN o.collname = 'default' THEN 'default ' || coalesce(d.j->>'datlocprovider', 'c') || ' '
        || coalesce(d.j->>'datlocale', d.j->>'daticulocale', d.j->>'datcollate') || ' ' || (d.j->>'encoding') || ' ' || ${ofDatabase}
      ELSE o.collprovider::text || ' ' || o.collcollate || ' ' || (d.j->>'encoding') || ' ' || pg_collation_actual_version(o.oid) END`;
}

/**
 * Generated columns are left out: they follow from the others. "char" is told as a number, as servers before 16 write some of
 * its values otherwise. Keys: the primary key first, then the replica identity, then the shortest.
 */
function factsSql(version: number): string {
  return `
    SELECT /* pgtrek: read-tables-to-verify */ c.oid,
      a.columns, a.values, a.settable, coalesce(k.keys, '[]') AS keys,
      (SELECT s.correlation FROM pg_stats s
        WHERE s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = k.first LIMIT 1) AS correlation
    FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
      CROSS JOIN LATERAL (
        SELECT coalesce(array_agg(quote_ident(a.attname) ORDER BY a.attnum), '{}') AS columns,
          coalesce(array_agg(quote_ident(a.attname) || CASE WHEN a.atttypid = 18 THEN '::int4' ELSE '' END ORDER BY a.attnum), '{}')
            AS values,
          coalesce(array_agg(quote_ident(a.attname) ORDER BY a.attnum) FILTER (WHERE a.attidentity <> 'a'), '{}') AS settable
        FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
          AND coalesce($2::jsonb->c.oid::text ? a.attname::text, true)
      ) a
      LEFT JOIN LATERAL (
        SELECT jsonb_agg(i.columns ORDER BY i.rank) AS keys, (array_agg(i.first ORDER BY i.rank))[1] AS first
        FROM (
          SELECT row_number() OVER (ORDER BY x.indisprimary DESC, x.indisreplident DESC, x.indnkeyatts, x.indexrelid) AS rank,
            i.columns, i.first
          FROM pg_index x
            JOIN pg_class xc ON xc.oid = x.indexrelid
            JOIN pg_am m ON m.oid = xc.relam AND m.amname = 'btree'
            CROSS JOIN LATERAL (
              SELECT jsonb_agg(jsonb_build_object(
                  'name', quote_ident(a.attname), 'type', format_type(a.atttypid, -1),
                  'isPlain', b.oid < 10000 AND b.typtype = 'b' AND b.typcategory <> 'A' OR b.typtype = 'e',
                  'isNumber', b.typcategory = 'N', 'order', ${orderSql(version)}) ORDER BY k.n) AS columns,
                (array_agg(a.attname ORDER BY k.n))[1] AS first, bool_and(a.attnotnull AND a.attgenerated = '') AS usable
              FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS k (attnum, n)
                JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.attnum
                JOIN pg_type t ON t.oid = a.atttypid
                JOIN pg_type b ON b.oid = CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END
                LEFT JOIN pg_collation o ON o.oid = a.attcollation
                CROSS JOIN (SELECT d.oid, to_jsonb(d) AS j FROM pg_database d WHERE d.datname = current_database()) d
              WHERE k.n <= x.indnkeyatts
            ) i
          WHERE x.indrelid = c.oid AND x.indisunique AND x.indisvalid AND x.indpred IS NULL AND x.indexprs IS NULL AND i.usable
        ) i
      ) k ON true
    WHERE c.oid = ANY ($1::oid[])`;
}

async function readFacts(
  session: Session,
  oids: number[],
  wanted: Record<string, string[]>,
): Promise<Map<number, TableFacts>> {
  const rows = await session.query<TableFacts & Record<string, unknown>>(factsSql(session.version), [
    oids,
    JSON.stringify(wanted),
  ]);
  return new Map(rows.map((row) => [row.oid, row]));
}

const ON_TARGET_SQL = `
  SELECT /* pgtrek: find-tables-to-verify */ n.name, to_regclass(n.name)::oid AS oid,
    (SELECT c.relkind FROM pg_class c WHERE c.oid = to_regclass(n.name))::text AS kind
  FROM unnest($1::text[]) AS n (name)`;

interface OnTarget {
  name: string;
  oid: number | null;
  kind: string | null;
}

/**
 * Below this the rows lie in another order than the key's, so that every range would read pages of the whole table: then
 * the table is one chunk.
 */
const ORDERLY = 0.5;

/** Those that the spec carries, the largest first. `patterns`: of these only. */
export async function readTablesToCompare(
  ends: { source: Session; target: Session },
  spec: Spec,
  { patterns, flows }: { patterns: string[] | undefined; flows: boolean },
): Promise<TablesToCompare> {
  const { source, target } = ends;
  const { relations, selection } = await readSelection(source, spec);
  const byOid = new Map<number, RelationName>(relations.map((relation) => [relation.oid, relation]));
  const wanted = matching(patterns);
  const carried = selection.selected.filter(
    (relation) =>
      'rp'.includes(relation.kind) && !selection.withoutData.has(relation.oid) && wanted(relation, byOid),
  );
  const there = new Map(
    (
      await target.query<OnTarget & Record<string, unknown>>(ON_TARGET_SQL, [
        carried.map(({ qualified }) => qualified),
      ])
    ).map((row) => [row.name, row]),
  );
  const kindThere = ({ qualified }: RelationName & { qualified: string }) => there.get(qualified)?.kind;
  // What is partitioned on one end alone holds the same rows.
  const isThere = (relation: Relation) =>
    kindThere(relation) === 'r' || (kindThere(relation) === 'p' && relation.partitionOf === null);
  const units = unitsOf(carried, byOid, isThere);
  const partial = findPartialRelations(spec.select, selection.selected);
  const columnsWanted = Object.fromEntries(
    [...partial].flatMap(([oid, { columns }]) => (columns ? [[String(oid), columns]] : [])),
  );
  const facts = await readFacts(
    source,
    units.map(({ oid }) => oid),
    columnsWanted,
  );
  const targetFacts = await readFacts(
    target,
    units.flatMap(({ qualified }) => there.get(qualified)?.oid ?? []),
    {},
  );
  const found: TablesToCompare = { tables: [], missing: [], notCompared: [] };
  for (const unit of units) {
    const { qualified } = unit;
    const from = {
      source: fromOf(unit, byOid, partial.has(unit.oid)),
      target: `${kindThere(unit) === 'p' ? '' : 'ONLY '}${qualified}`,
    };
    const [mine, theirs] = [facts.get(unit.oid), targetFacts.get(there.get(qualified)?.oid ?? 0)];
    if (!mine) continue;
    if (!isThere(unit) || !theirs) {
      found.missing.push({ qualified, from: from.source, why: 'the target has no such table' });
      continue;
    }
    const lacking = mine.columns.filter((column) => !theirs.columns.includes(column));
    if (lacking.length > 0) {
      found.missing.push({
        qualified,
        from: from.source,
        why: `the target has no column ${lacking.join(', ')} of its own there`,
      });
      continue;
    }
    if (flows && unit.persistence === 'u') {
      found.notCompared.push({ table: qualified, why: 'it is UNLOGGED, so its changes are not replicated' });
      continue;
    }
    found.tables.push(
      tableOf(unit, { from, facts: mine, theirs, filter: partial.get(unit.oid)?.filter ?? '', spec }),
    );
  }
  found.tables.sort((a, b) => b.bytes - a.bytes);
  return found;
}

/** Whether a relation, or a table that it is a partition of, matches one of the patterns. */
export function matching(
  patterns: string[] | undefined,
): (relation: RelationName, byOid: Map<number, RelationName>) => boolean {
  if (patterns === undefined || patterns.length === 0) return () => true;
  const parsed = patterns.map(parseNamePattern);
  return (relation, byOid) => {
    const root = byOid.get(rootOf(relation, byOid)) ?? relation;
    return parsed.some((pattern) => pattern.matches(relation) || pattern.matches(root));
  };
}

interface Unit extends Relation {
  /** Rows of the partitions too. */
  isWhole: boolean;
}

/** Partitions one by one where the target has the same ones; otherwise the table at the top as a whole. */
function unitsOf(
  carried: Relation[],
  byOid: Map<number, RelationName>,
  isThere: (relation: Relation) => boolean,
): Unit[] {
  const rootsOf = (relation: Relation) => rootOf(relation, byOid);
  const lacking = new Set(carried.filter((relation) => !isThere(relation)).map(rootsOf));
  return carried.flatMap((relation): Unit[] => {
    const root = rootsOf(relation);
    const isRoot = root === relation.oid;
    if (relation.kind === 'r' && (isRoot || !lacking.has(root))) return [{ ...relation, isWhole: false }];
    if (relation.kind === 'r' || !isRoot || !lacking.has(root)) return [];
    const leaves = carried.filter((other) => other.kind === 'r' && rootsOf(other) === root);
    const sum = (of: (leaf: Relation) => string) =>
      String(leaves.reduce((total, leaf) => total + Number(of(leaf)), 0));
    return [
      { ...relation, isWhole: true, bytes: sum(({ bytes }) => bytes), pages: sum(({ pages }) => pages) },
    ];
  });
}

/** A condition of the spec may name the columns of a partition by the name of its root. */
function fromOf(unit: Unit, byOid: Map<number, RelationName>, isPartial: boolean): string {
  const root = byOid.get(rootOf(unit, byOid));
  const alias = isPartial && root && root.oid !== unit.oid ? ` AS "${root.name.replaceAll('"', '""')}"` : '';
  return `${unit.isWhole ? '' : 'ONLY '}${unit.qualified}${alias}`;
}

function tableOf(
  unit: Unit,
  {
    from,
    facts,
    theirs,
    filter,
    spec,
  }: { from: ComparedTable['from']; facts: TableFacts; theirs: TableFacts; filter: string; spec: Spec },
): ComparedTable {
  const key = facts.keys.find((columns) => columns.every(({ name }) => facts.columns.includes(name)));
  const other = new Map(theirs.keys.flat().map((column) => [column.name, column]));
  const firstOther = key
    ? key.findIndex(
        ({ name, order, isPlain }) =>
          !isPlain || order === null || (other.get(name)?.order ?? null) !== order,
      )
    : 0;
  const sameOrder = key ? key.slice(0, firstOther === -1 ? key.length : firstOther) : [];
  const inOrder =
    Math.abs(facts.correlation ?? 1) >= ORDERLY || verifySettings(spec).bytesPerSecond !== undefined;
  return {
    qualified: unit.qualified,
    from,
    columns: facts.columns,
    values: facts.values,
    settable: facts.settable,
    key,
    ranged: inOrder ? sameOrder : [],
    filter,
    bytes: Number(unit.bytes),
    pages: Number(unit.pages),
  };
}

/** `(condition)` of the spec with those of ours; '' for none. */
export function whereOf(conditions: string[], filter = ''): string {
  const all = [...(filter === '' ? [] : [`(${closed(filter)})`]), ...conditions];
  return all.length === 0 ? '' : ` WHERE ${all.join(' AND ')}`;
}

/** `id = 7 AND code = 'x'`, for people who look for the row. */
export function describeKey(columns: KeyColumn[], values: string[]): string {
  return columns
    .map(({ name, isNumber }, at) => {
      const value = values[at] ?? '';
      return `${name} = ${isNumber && /^-?[\d.]+$/.test(value) ? value : escapeLiteral(value)}`;
    })
    .join(' AND ');
}
