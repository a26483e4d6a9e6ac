/** Statements that make a domain, a composite type or an enum of the target what it is on the source. */
import { escapeLiteral } from 'pg';
import { isChanged } from '../fingerprint/compare-items.js';
import type { Matches } from '../fingerprint/match-items.js';
import type { SchemaItem } from '../fingerprint/read-items.js';
import type { Session } from '../session.js';
import type { Step } from './steps.js';

export interface TypeFacts {
  oid: number;
  /** `d`omain, `c`omposite, `e`num and others. */
  kind: string;
  notNull: boolean;
  expression: string | null;
  checks: { name: string; definition: string }[];
  attributes: { name: string; type: string }[];
  /** Plain, in their order. */
  values: string[];
}

const FACTS_SQL = `
  SELECT /* pgtrek: read-type-facts */ t.oid, t.typtype::text AS kind, t.typnotnull AS "notNull", t.typdefault AS expression,
    coalesce((SELECT jsonb_agg(jsonb_build_object('name', k.conname, 'definition', pg_get_constraintdef(k.oid)) ORDER BY k.conname)
      FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c'), '[]') AS checks,
    coalesce((SELECT jsonb_agg(jsonb_build_object('name', a.attname, 'type', concat_ws(' ', format_type(a.atttypid, a.atttypmod),
        (SELECT format('COLLATE %I.%I', n.nspname, o.collname) FROM pg_collation o JOIN pg_namespace n ON n.oid = o.collnamespace
          JOIN pg_type y ON y.oid = a.atttypid WHERE o.oid = a.attcollation AND o.oid <> y.typcollation))) ORDER BY a.attnum)
      FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped), '[]') AS attributes,
    ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder) AS values
  FROM pg_type t WHERE t.oid = ANY ($1::oid[])`;

/** By `type/<oid>/0`. */
export async function readTypeFacts(source: Session, types: number[]): Promise<Map<string, TypeFacts>> {
  const rows = await source.query<TypeFacts & Record<string, unknown>>(FACTS_SQL, [types]);
  return new Map(rows.map((row) => [`type/${String(row.oid)}/0`, row]));
}

const COMPOSITE_SQL = `
  WITH wanted AS (SELECT * FROM jsonb_to_recordset($2::jsonb) AS w (name text, type text)), there AS (
    SELECT a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type
    FROM pg_type t JOIN pg_attribute a ON a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE t.oid = to_regtype($1))
  SELECT /* pgtrek: plan-attributes */ format('ALTER TYPE %s DROP ATTRIBUTE %I', $1::text, name) AS statement
  FROM there WHERE name NOT IN (SELECT name FROM wanted)
  UNION ALL
  SELECT format('ALTER TYPE %s %s ATTRIBUTE %I %s', $1::text,
    CASE WHEN t.name IS NULL THEN 'ADD' ELSE 'ALTER' END, w.name, CASE WHEN t.name IS NULL THEN w.type ELSE 'TYPE ' || w.type END)
  FROM wanted w LEFT JOIN there t USING (name) WHERE t.name IS NULL OR w.type NOT LIKE t.type || '%'`;

const DOMAIN_SQL = `
  WITH wanted AS (SELECT * FROM jsonb_to_recordset($2::jsonb) AS w (name text, definition text)), there AS (
    SELECT k.conname::text AS name, pg_get_constraintdef(k.oid) AS definition FROM pg_constraint k
    WHERE k.contypid = to_regtype($1) AND k.contype = 'c')
  SELECT /* pgtrek: plan-domain */ format('ALTER DOMAIN %s DROP CONSTRAINT %I', $1::text, t.name) AS statement
  FROM there t LEFT JOIN wanted w USING (name) WHERE w.definition IS DISTINCT FROM t.definition
  UNION ALL
  SELECT format('ALTER DOMAIN %s ADD CONSTRAINT %I %s', $1::text, w.name, w.definition)
  FROM wanted w LEFT JOIN there t USING (name) WHERE w.definition IS DISTINCT FROM t.definition`;

/** Of those that are altered in place. */
export function typeSteps({ matches, types }: { matches: Matches; types: Map<string, TypeFacts> }): Step[] {
  return matches.pairs
    .filter(({ before, after }) => after.kind === 'type' && isChanged(before, after))
    .flatMap(({ after: { id, name: object } }): Step[] => {
      const facts = types.get(id);
      if (facts?.kind === 'c')
        return [{ object, sql: COMPOSITE_SQL, values: [object, JSON.stringify(facts.attributes)] }];
      if (facts?.kind !== 'd') return [];
      const alter = (sql: string): Step => ({ object, sql: `ALTER DOMAIN ${object} ${sql}` });
      return [
        { object, sql: DOMAIN_SQL, values: [object, JSON.stringify(facts.checks)] },
        alter(facts.expression === null ? 'DROP DEFAULT' : `SET DEFAULT ${facts.expression}`),
        alter(`${facts.notNull ? 'SET' : 'DROP'} NOT NULL`),
      ];
    });
}

/** New values of enums that stay, by the name that the type has on the target; each committed before anything uses it. */
export function enumSteps({ matches, types }: { matches: Matches; types: Map<string, TypeFacts> }): Step[] {
  const fresh = matches.fresh.filter(({ kind }) => kind === 'enum-value');
  return fresh.flatMap((item): Step[] => {
    const type = matches.pairs.find(({ after }) => after.id === item.container);
    const facts = types.get(item.container);
    if (!type || !facts) return [];
    return [
      {
        object: type.before.name,
        sql: `ALTER TYPE ${type.before.name} ADD VALUE IF NOT EXISTS ${escapeLiteral(item.label)} ${placeOf(item, facts, fresh, matches)}`,
      },
    ];
  });
}

/** Behind the value that the target has, or gets first; by its name there. */
function placeOf(item: SchemaItem, { values }: TypeFacts, fresh: SchemaItem[], { pairs }: Matches): string {
  const nameThere = (label: string) =>
    pairs.find(
      ({ after }) =>
        after.kind === 'enum-value' && after.container === item.container && after.label === label,
    )?.before.label ?? label;
  const at = values.indexOf(item.label);
  const isLater = (label: string) =>
    fresh.findIndex((other) => other.container === item.container && other.label === label) >
    fresh.indexOf(item);
  const previous = values
    .slice(0, at)
    .filter((label) => !isLater(label))
    .at(-1);
  if (previous !== undefined) return `AFTER ${escapeLiteral(nameThere(previous))}`;
  const next = values.slice(at + 1).find((label) => !isLater(label));
  return next === undefined ? '' : `BEFORE ${escapeLiteral(nameThere(next))}`;
}
