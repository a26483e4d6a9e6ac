/** Tables of either end by their names, which both have in common. */

/** Oid and quoted name. Unlike to_regclass it needs no USAGE on their schemas. */
export const NAMED_TABLES = `
  SELECT c.oid, t.name
  FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN unnest($1::text[]) AS t (name) ON t.name = format('%I.%I', n.nspname, c.relname)
  WHERE c.relkind IN ('r', 'p')`;
