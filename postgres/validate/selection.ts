/** What the patterns of the spec select: nothing forgotten, nothing misspelt, nothing that cannot stand alone. */
import type { Finding } from '../../contract/state.js';
import type { Relation } from '../selection.js';
import type { OnSource } from './check.js';
import { capFindings } from './check.js';
import { nearestNames } from './nearest-names.js';

export function checkPatterns({ selection, relations }: OnSource): Finding[] {
  // By their plain names, shown as a pattern has to be written.
  const qualified = new Map(
    relations.map((relation) => [`${relation.schema}.${relation.name}`, relation.qualified]),
  );
  const names = [...qualified.keys()];
  return capFindings(
    selection.unmatched.map((pattern) => ({
      id: 'select.patterns',
      scope: `select.pattern ${pattern}`,
      verdict: 'block',
      why: `The pattern ${pattern} in select matches no relation of the source.${tellNearest(nearestNames(pattern, names).map((name) => qualified.get(name) ?? name))}`,
      remedy: `Correct or remove the pattern. Unquoted text is read in lower case; "Quoted" text exactly.`,
    })),
  );
}

function tellNearest(names: string[]): string {
  return names.length === 0 ? '' : ` Near it: ${names.join(', ')}.`;
}

export function checkSelected({ selection, source }: OnSource): Finding[] {
  const { selected, excluded, withoutData } = selection;
  const finding = { id: 'select.relations', scope: 'source' };
  const tables = selected.filter(({ kind }) => kind === 'r' || kind === 'p');
  if (tables.length === 0) {
    const why = `Nothing to move: no table of database ${source.endpoint.database} is selected, of ${selected.length + excluded.length} relations.`;
    return [
      {
        ...finding,
        verdict: 'block',
        why,
        remedy: 'Correct source.database, select.include or select.exclude.',
      },
    ];
  }
  const bytes = selected.reduce(
    (sum, { bytes: own, oid }) => (withoutData.has(oid) ? sum : sum + BigInt(own)),
    0n,
  );
  const why = `Selected: ${selected.length} relations, among them ${tables.length} tables, ${tellBytes(bytes)}; left out: ${excluded.length}; without rows: ${withoutData.size}.`;
  return [{ ...finding, verdict: 'ok', why }];
}

function tellBytes(bytes: bigint): string {
  const megabytes = Number(bytes) / 1024 ** 2;
  return megabytes < 1024 ? `${megabytes.toFixed(1)} MB` : `${(megabytes / 1024).toFixed(1)} GB`;
}

// Views through their rule, defaults through pg_attrdef, inheritance and partitions directly.
const DEPENDENCIES_SQL = `
  SELECT /* pgtrek: validate dependencies */ DISTINCT
    coalesce(r.ev_class, f.adrelid, d.objid) AS dependent, d.refobjid AS needed
  FROM pg_depend d
  LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
  LEFT JOIN pg_attrdef f ON d.classid = 'pg_attrdef'::regclass AND f.oid = d.objid
  WHERE d.refclassid = 'pg_class'::regclass
    AND d.refobjid = ANY ($2::oid[])
    AND d.classid IN ('pg_rewrite'::regclass, 'pg_attrdef'::regclass, 'pg_class'::regclass)
    AND coalesce(r.ev_class, f.adrelid, d.objid) = ANY ($1::oid[])`;

// Routines come with every selection. Those that name a relation, or its row as a type, cannot be made without it.
const ROUTINES_SQL = `
  SELECT /* pgtrek: validate routines */ DISTINCT d.objid::regprocedure::text AS routine, coalesce(t.typrelid, d.refobjid) AS needed
  FROM pg_depend d
  LEFT JOIN pg_type e ON d.refclassid = 'pg_type'::regclass AND e.oid = d.refobjid
  LEFT JOIN pg_type t ON t.oid = CASE WHEN e.typrelid = 0 THEN e.typelem ELSE e.oid END
  WHERE d.classid = 'pg_proc'::regclass AND d.refclassid IN ('pg_type'::regclass, 'pg_class'::regclass)
    AND coalesce(t.typrelid, d.refobjid) = ANY ($1::oid[])
    AND NOT EXISTS (
      SELECT FROM pg_depend x WHERE x.classid = d.classid AND x.objid = d.objid AND x.deptype = 'e')
  ORDER BY 1`;

const FOREIGN_KEYS_SQL = `
  SELECT /* pgtrek: validate foreign keys */ k.conname::text AS name, k.conrelid AS dependent, k.confrelid AS needed,
    k.convalidated AS validated,
    ARRAY(SELECT quote_ident(a.attname) FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)) AS columns
  FROM pg_constraint k
  WHERE k.contype = 'f' AND k.conparentid = 0
    AND k.conrelid = ANY ($1::oid[]) AND k.confrelid = ANY ($2::oid[])
  ORDER BY 1`;

interface Dependency {
  dependent: number;
  needed: number;
}

interface ForeignKey extends Dependency, Record<string, unknown> {
  name: string;
  validated: boolean;
  columns: string[];
}

/** What is selected and cannot be made without something that is left out. */
export async function checkDependencies({ source, selection }: OnSource): Promise<Finding[]> {
  const { selected, excluded } = selection;
  if (excluded.length === 0) return [];
  const without = excluded.map(({ oid }) => oid);
  const oids = [selected.map(({ oid }) => oid), without];
  const known = new Map([...selected, ...excluded].map((relation) => [relation.oid, relation]));
  const dependencies = await source.query<Dependency & Record<string, unknown>>(DEPENDENCIES_SQL, oids);
  const routines = await source.query<{ routine: string; needed: number }>(ROUTINES_SQL, [without]);
  const keys = await source.query<ForeignKey>(FOREIGN_KEYS_SQL, oids);
  return [
    ...capFindings(
      dependencies.flatMap((pair) => tellDependency(known.get(pair.dependent), known.get(pair.needed))),
    ),
    ...capFindings(routines.flatMap(({ routine, needed }) => tellRoutine(routine, known.get(needed)))),
    ...capFindings(
      keys.flatMap((key) => tellForeignKey(key.name, known.get(key.dependent), known.get(key.needed))),
    ),
  ];
}

/** Rows that refer to rows which do not come: the target could not make the foreign key. */
export async function checkReferredData({ source, selection }: OnSource): Promise<Finding[]> {
  const { selected, withoutData } = selection;
  if (withoutData.size === 0) return [];
  const known = new Map(selected.map((relation) => [relation.oid, relation]));
  const withData = selected.map(({ oid }) => oid).filter((oid) => !withoutData.has(oid));
  const keys = await source.query<ForeignKey>(FOREIGN_KEYS_SQL, [withData, [...withoutData]]);
  const findings: Finding[] = [];
  for (const { name, validated, columns, ...pair } of keys) {
    const [dependent, needed] = [known.get(pair.dependent), known.get(pair.needed)];
    if (!dependent || !needed || !validated) continue;
    const isSet = columns.map((column) => `${column} IS NOT NULL`).join(' AND ');
    const found = await source.query(
      `SELECT /* pgtrek: validate referred data */ FROM ${dependent.qualified} WHERE ${isSet} LIMIT 1`,
    );
    if (found.length > 0) findings.push(tellReferredData(name, dependent, needed));
  }
  return capFindings(findings);
}

function tellReferredData(name: string, dependent: Relation, needed: Relation): Finding {
  return {
    id: 'select.referred_data',
    scope: `source.table ${dependent.qualified}`,
    verdict: 'block',
    why: `Rows of ${dependent.qualified} refer to rows of ${needed.qualified}, which come without data: the target cannot make foreign key ${name}.`,
    remedy: `Take ${needed.qualified} out of select.excludeData, or leave out its rows' users too: ${dependent.qualified} in select.excludeData.`,
  };
}

const KIND_WORDS: Record<Relation['kind'], string> = {
  r: 'Table',
  p: 'Partitioned table',
  v: 'View',
  m: 'Materialised view',
  S: 'Sequence',
  f: 'Foreign table',
};

function tellDependency(dependent: Relation | undefined, needed: Relation | undefined): Finding[] {
  // A partition of its own is detached from what is left out.
  if (!dependent || !needed || dependent.partitionOf === needed.oid) return [];
  return [
    {
      id: 'select.dependencies',
      scope: `source.relation ${dependent.qualified}`,
      verdict: 'block',
      why: `${KIND_WORDS[dependent.kind]} ${dependent.qualified} is selected and depends on ${needed.qualified}, which is left out.`,
      remedy: `Leave out ${dependent.qualified} too (select.exclude), or take ${needed.qualified}.`,
    },
  ];
}

function tellRoutine(routine: string, needed: Relation | undefined): Finding[] {
  if (!needed) return [];
  return [
    {
      id: 'select.dependencies',
      scope: `source.routine ${routine}`,
      verdict: 'block',
      why: `Routine ${routine} depends on ${needed.qualified}, which is left out; routines come with every selection.`,
      remedy: `Take ${needed.qualified} too; or, on the source: DROP ROUTINE ${routine};`,
    },
  ];
}

function tellForeignKey(
  name: string,
  dependent: Relation | undefined,
  needed: Relation | undefined,
): Finding[] {
  if (!dependent || !needed) return [];
  return [
    {
      id: 'select.foreign_keys',
      scope: `source.table ${dependent.qualified}`,
      verdict: 'warn',
      why: `Foreign key ${name} of ${dependent.qualified} refers to ${needed.qualified}, which is left out: the target will not have this key.`,
      remedy: `Take ${needed.qualified}, or accept it.`,
    },
  ];
}
