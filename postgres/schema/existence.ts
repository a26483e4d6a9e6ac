/** Which of the archive's objects exist on the target, asked by their identity. */
import type { Session } from '../session.js';

export interface LedgerEntry {
  position: number;
  kind: string;
  line: string;
  type: string | null;
  identity: string | null;
}

/**
 * Relations, types, functions and schemas have lookups that return null instead of an error. These are enough to
 * tell whether a transaction that made all of pre-data was committed.
 */
const EXISTING_SQL = `
  SELECT /* pgtrek: read-existence */ e.position
  FROM unnest($1::int[], $2::text[], $3::text[]) AS e (position, type, identity)
  WHERE CASE
    WHEN e.type IN ('table', 'view', 'materialized view', 'sequence', 'foreign table', 'index')
      THEN to_regclass(e.identity) IS NOT NULL
    WHEN e.type IN ('type', 'domain') THEN to_regtype(e.identity) IS NOT NULL
    WHEN e.type IN ('function', 'procedure', 'aggregate') THEN to_regprocedure(e.identity) IS NOT NULL
    WHEN e.type = 'schema' THEN to_regnamespace(e.identity) IS NOT NULL
  END`;

const CHECKED_TYPES = new Set([
  'table',
  'view',
  'materialized view',
  'sequence',
  'foreign table',
  'type',
  'domain',
  'function',
  'procedure',
  'aggregate',
  'schema',
]);

/** Entries of pre-data that can be looked up, by whether they exist. */
export async function readExistence(
  target: Session,
  entries: LedgerEntry[],
): Promise<{ existing: LedgerEntry[]; missing: LedgerEntry[] }> {
  const checked = entries.filter(({ type }) => type !== null && CHECKED_TYPES.has(type));
  const rows = await target.query<{ position: number }>(EXISTING_SQL, columnsOf(checked));
  const positions = new Set(rows.map(({ position }) => position));
  return {
    existing: checked.filter(({ position }) => positions.has(position)),
    missing: checked.filter(({ position }) => !positions.has(position)),
  };
}

/**
 * pg_identify_object writes a trigger, rule, policy or constraint as `name on schema.table`; comparing these texts
 * over the whole catalog of the target needs no parsing of names.
 */
const POST_DATA_SQL = `
  SELECT /* pgtrek: read-post-data */ i.type, i.identity
  FROM (
    SELECT 'pg_trigger'::regclass AS class, oid FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT 'pg_rewrite'::regclass, oid FROM pg_rewrite WHERE rulename <> '_RETURN'
    UNION ALL SELECT 'pg_policy'::regclass, oid FROM pg_policy
    UNION ALL SELECT 'pg_constraint'::regclass, oid FROM pg_constraint WHERE conrelid <> 0 OR contypid <> 0
    UNION ALL SELECT 'pg_statistic_ext'::regclass, oid FROM pg_statistic_ext
    UNION ALL SELECT 'pg_event_trigger'::regclass, oid FROM pg_event_trigger
    -- What needs a key is dumped after it: materialised views too, and routines with a parsed body.
    UNION ALL SELECT 'pg_class'::regclass, c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('i', 'I', 'm') AND n.nspname !~ '^pg_'
    UNION ALL SELECT 'pg_proc'::regclass, p.oid FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
      WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  ) AS objects, LATERAL pg_identify_object(objects.class, objects.oid, 0) AS i`;

/**
 * Entries of post-data that are not there yet. Those without identity (comments, grants, attaching an index) and the
 * second half of a view that needs a key (CREATE OR REPLACE) may be repeated without harm.
 */
export async function keepMissing(target: Session, entries: LedgerEntry[]): Promise<LedgerEntry[]> {
  const rows = await target.query<{ type: string; identity: string }>(POST_DATA_SQL);
  const present = new Set(rows.map(({ type, identity }) => `${type} ${identity}`));
  return entries.filter(
    ({ type, identity }) => type === null || identity === null || !present.has(`${type} ${identity}`),
  );
}

function columnsOf(entries: LedgerEntry[]): unknown[] {
  return [
    entries.map(({ position }) => position),
    entries.map(({ type }) => type),
    entries.map(({ identity }) => identity),
  ];
}
