/** Tables of either end by their names, which both have in common. */

/**
 * To be joined to `t (name)`, names as SQL writes them: the relation is `c`, its schema `n`. Unlike to_regclass it needs no
 * USAGE on their schemas, without which that fails.
 */
export const BY_NAME = `(pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace) ON format('%I.%I', n.nspname, c.relname) = t.name`;

/** Oid and name of the tables that `$1` names. */
export const NAMED_TABLES = `
  SELECT c.oid, t.name
  FROM unnest($1::text[]) AS t (name) JOIN ${BY_NAME}
  WHERE c.relkind IN ('r', 'p')`;
