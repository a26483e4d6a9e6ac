/** What the patterns of the spec select: nothing forgotten, nothing misspelt, nothing that cannot stand alone. */
import type { Finding } from '../../contract/state.js';
import type { Relation } from '../selection.js';
import type { OnSource } from './check.js';
import { capFindings } from './check.js';
import { nearestNames } from './nearest-names.js';

export function checkPatterns({ selection, relations }: OnSource): Finding[] {
  const names = relations.map(({ schema, name }) => `${schema}.${name}`);
  return capFindings(
    selection.unmatched.map((pattern) => ({
      id: 'select.patterns',
      scope: `select.pattern ${pattern}`,
      verdict: 'block',
      why: `The pattern ${pattern} in select matches no relation of the source.${tellNearest(nearestNames(pattern, names))}`,
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

const FOREIGN_KEYS_SQL = `
  SELECT /* pgtrek: validate foreign keys */ k.conname::text AS name, k.conrelid AS dependent, k.confrelid AS needed
  FROM pg_constraint k
  WHERE k.contype = 'f' AND k.conparentid = 0
    AND k.conrelid = ANY ($1::oid[]) AND k.confrelid = ANY ($2::oid[])
  ORDER BY 1`;

interface Dependency {
  dependent: number;
  needed: number;
}

/** What is selected and cannot be made without something that is left out. */
export async function checkDependencies({ source, selection }: OnSource): Promise<Finding[]> {
  const { selected, excluded } = selection;
  if (excluded.length === 0) return [];
  const oids = [selected.map(({ oid }) => oid), excluded.map(({ oid }) => oid)];
  const known = new Map([...selected, ...excluded].map((relation) => [relation.oid, relation]));
  const dependencies = await source.query<Dependency & Record<string, unknown>>(DEPENDENCIES_SQL, oids);
  const keys = await source.query<Dependency & { name: string }>(FOREIGN_KEYS_SQL, oids);
  return [
    ...capFindings(
      dependencies.flatMap((pair) => tellDependency(known.get(pair.dependent), known.get(pair.needed))),
    ),
    ...capFindings(
      keys.flatMap((key) => tellForeignKey(key.name, known.get(key.dependent), known.get(key.needed))),
    ),
  ];
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
