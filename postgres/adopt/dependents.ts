/** What goes with objects of the target that are dropped: only what restore made may. */
import { PgtrekError } from '../../contract/errors.js';
import type { Session } from '../session.js';
import type { LedgerState } from './ledger-state.js';

/** An object of the target, by its name there. */
export interface Root {
  /** `column` and `constraint`: the views that need it, not itself. */
  what: 'relation' | 'type' | 'routine' | 'column' | 'constraint';
  name: string;
  /** Of a column or constraint, quoted; `name` is the table's. */
  own?: string;
}

export interface Dependents {
  /** `DROP …` without CASCADE; roots that exist, and no others. */
  drops: { statement: string; object: string }[];
  /** `<type> <identity>` of everything that goes by itself. */
  identities: Set<string>;
  /** Tables that stay, and of which a column would go; with the column: `public.orders.mood`. */
  columns: { table: string; column: string }[];
  /** Tables that go. */
  tables: Set<string>;
}

const ROOTS_SQL = `
  SELECT 'pg_class'::regclass::oid AS classid, to_regclass(name)::oid AS objid, 0 AS objsubid
  FROM unnest($1::text[], $2::text[], $3::text[]) AS r (what, name, col) WHERE what = 'relation'
  UNION SELECT 'pg_type'::regclass, to_regtype(name), 0
  FROM unnest($1::text[], $2::text[], $3::text[]) AS r (what, name, col) WHERE what = 'type'
  UNION SELECT 'pg_proc'::regclass, to_regprocedure(name), 0
  FROM unnest($1::text[], $2::text[], $3::text[]) AS r (what, name, col) WHERE what = 'routine'
  UNION SELECT 'pg_class'::regclass, w.ev_class, 0
  FROM unnest($1::text[], $2::text[], $3::text[]) AS r (what, name, col)
    JOIN pg_attribute a ON a.attrelid = to_regclass(name) AND quote_ident(a.attname) = col AND NOT a.attisdropped
    JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum
      AND d.classid = 'pg_rewrite'::regclass
    JOIN pg_rewrite w ON w.oid = d.objid AND w.rulename = '_RETURN'
  WHERE what = 'column'
  UNION SELECT 'pg_class'::regclass, w.ev_class, 0
  FROM unnest($1::text[], $2::text[], $3::text[]) AS r (what, name, col)
    JOIN pg_constraint k ON k.conrelid = to_regclass(name) AND quote_ident(k.conname) = col
    JOIN pg_depend d ON d.refclassid = 'pg_constraint'::regclass AND d.refobjid = k.oid
      AND d.classid = 'pg_rewrite'::regclass
    JOIN pg_rewrite w ON w.oid = d.objid AND w.rulename = '_RETURN'
  WHERE what = 'constraint'`;

/** A view goes with its rule, or with the type of a column. What has an owner among the rest comes and goes with that. */
const DEPENDENTS_SQL = `
  WITH RECURSIVE root AS (SELECT * FROM (${ROOTS_SQL}) r WHERE objid IS NOT NULL),
  gone (classid, objid, objsubid) AS (
    SELECT classid, objid, objsubid FROM root
    UNION
    SELECT next.* FROM gone g CROSS JOIN LATERAL (
      SELECT d.classid, d.objid, d.objsubid FROM pg_depend d
      WHERE d.refclassid = g.classid AND d.refobjid = g.objid AND (g.objsubid = 0 OR d.refobjsubid = g.objsubid)
        AND NOT (d.classid = g.classid AND d.objid = g.objid)
      UNION ALL
      SELECT 'pg_class'::regclass, w.ev_class, 0 FROM pg_rewrite w
      WHERE g.classid = 'pg_rewrite'::regclass AND w.oid = g.objid AND w.rulename = '_RETURN'
      UNION ALL
      SELECT 'pg_class'::regclass, c.oid, 0 FROM pg_class c
      WHERE g.classid = 'pg_class'::regclass AND g.objsubid > 0 AND c.oid = g.objid AND c.relkind IN ('v', 'm', 'c')
    ) next
  )
  SELECT /* pgtrek: find-dependents */ i.type, i.identity,
    EXISTS (SELECT FROM root r WHERE r.classid = g.classid AND r.objid = g.objid) AS "isRoot",
    g.objsubid > 0 AS "isColumn",
    CASE WHEN g.classid = 'pg_class'::regclass THEN (
      SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.oid = g.objid AND c.relkind IN ('r', 'p', 'f')) END AS "table",
    (SELECT format('%I.%I', n.nspname, c.relname) FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE g.classid = 'pg_constraint'::regclass AND k.oid = g.objid AND k.contype = 'f') AS "keyOf",
    EXISTS (
      SELECT FROM pg_depend d WHERE d.classid = g.classid AND d.objid = g.objid AND d.deptype IN ('a', 'i', 'P', 'S')
    ) AS "isPart"
  FROM gone g CROSS JOIN LATERAL pg_identify_object(g.classid, g.objid, g.objsubid) i
  WHERE NOT (g.objsubid > 0 AND EXISTS (
    SELECT FROM gone w WHERE w.classid = g.classid AND w.objid = g.objid AND w.objsubid = 0))`;

interface Found {
  type: string;
  identity: string;
  isRoot: boolean;
  isColumn: boolean;
  table: string | null;
  keyOf: string | null;
  isPart: boolean;
}

/** Throws CONSENT_NEEDED for what depends on the roots and is not of this migration. */
export async function findDependents(
  target: Session,
  { relations, entries }: Pick<LedgerState, 'relations' | 'entries'>,
  roots: Root[],
): Promise<Dependents> {
  const found = await target.query<Found & Record<string, unknown>>(DEPENDENTS_SQL, [
    roots.map(({ what }) => what),
    roots.map(({ name }) => name),
    roots.map(({ own }) => own ?? null),
  ]);
  const whole = found.filter(
    ({ isColumn, isPart, isRoot, table }) => !isColumn && (isRoot || !isPart || table),
  );
  const known = new Set(entries.map(({ type, identity }) => `${type ?? ''} ${identity ?? ''}`));
  const ours = new Set(relations.map(({ qualified }) => qualified));
  const foreign = found.find((each) =>
    each.keyOf !== null
      ? !ours.has(each.keyOf)
      : whole.includes(each) && !known.has(`${each.type} ${each.identity}`),
  );
  if (foreign) throw needsConsent(foreign, roots);
  return {
    drops: whole
      .filter(({ isRoot }) => isRoot)
      .map(({ type, identity }) => ({
        statement: `DROP ${type.toUpperCase()} IF EXISTS ${identity}`,
        object: identity,
      })),
    identities: new Set(
      found.filter(({ isColumn }) => !isColumn).map(({ type, identity }) => `${type} ${identity}`),
    ),
    columns: found.flatMap(({ isColumn, table, identity }) =>
      isColumn && table !== null ? [{ table, column: identity }] : [],
    ),
    tables: new Set(whole.flatMap(({ table }) => table ?? [])),
  };
}

function needsConsent({ type, identity }: Found, roots: Root[]): PgtrekError {
  return new PgtrekError(
    'CONSENT_NEEDED',
    `The source’s schema has changed, and to bring that over would drop ${type} ${identity} of the target, which this migration did not make (it depends on ${roots
      .map(({ name }) => name)
      .slice(0, 5)
      .join(', ')}).`,
    {
      object: identity,
      remedy: `On the target: DROP ${type.toUpperCase()} ${identity}; or take out of it what names the changed objects; then retry.`,
    },
  );
}
