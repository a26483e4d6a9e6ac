/** What of a schema is written in words that not every major knows, and how it is found in the catalogs. */

export interface Feature {
  /** The first major that knows it. */
  since?: number;
  /** The first that does not any more. */
  gone?: number;
  /** As it goes into a sentence: `uses …`. */
  what: string;
  /** Yields kind and name; `selected` holds the oids of the selected relations. */
  sql: string;
  /** What to do about it on the source. */
  instead: string;
  /** Told only where privileges come along. */
  privilege?: boolean;
}

const COLUMN = `format('%s.%I', a.attrelid::regclass, a.attname)`;
const COLUMNS = `pg_attribute a JOIN selected s ON s.oid = a.attrelid WHERE a.attnum > 0 AND NOT a.attisdropped`;
const CONSTRAINT = `format('%s.%I', k.conrelid::regclass, k.conname)`;
const CONSTRAINTS = `pg_constraint k JOIN selected s ON s.oid = k.conrelid WHERE true`;

/** Of users: neither the system's nor an extension's. */
const ofUsers = (catalog: string, row: string) => `
  ${row}.oid >= 16384 AND NOT EXISTS (
    SELECT FROM pg_depend d
    WHERE d.classid = '${catalog}'::regclass AND d.objid = ${row}.oid AND d.deptype = 'e')`;

export const FEATURES: Feature[] = [
  {
    since: 18,
    what: 'a virtual generated column',
    sql: `SELECT 'column', ${COLUMN} FROM ${COLUMNS} AND a.attgenerated = 'v'`,
    instead: 'ALTER TABLE … DROP COLUMN …, or make it anew as STORED.',
  },
  {
    since: 18,
    what: 'WITHOUT OVERLAPS or PERIOD',
    sql: `SELECT 'constraint', ${CONSTRAINT} FROM ${CONSTRAINTS} AND k.conperiod`,
    instead: 'ALTER TABLE … DROP CONSTRAINT …, or make it an EXCLUDE constraint.',
  },
  {
    since: 18,
    what: 'NOT ENFORCED',
    sql: `SELECT 'constraint', ${CONSTRAINT} FROM ${CONSTRAINTS} AND NOT k.conenforced`,
    instead: 'ALTER TABLE … DROP CONSTRAINT ….',
  },
  {
    since: 18,
    what: 'NOT NULL with NOT VALID or NO INHERIT',
    sql: `SELECT 'constraint', ${CONSTRAINT} FROM ${CONSTRAINTS}
      AND k.contype = 'n' AND (NOT k.convalidated OR k.connoinherit)`,
    instead: 'ALTER TABLE … VALIDATE CONSTRAINT, or ALTER CONSTRAINT … INHERIT.',
  },
  {
    since: 17,
    what: 'a collation of the builtin provider',
    sql: `SELECT 'collation', format('%I.%I', n.nspname, c.collname)
      FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace
      WHERE c.collprovider = 'b' AND ${ofUsers('pg_collation', 'c')}`,
    instead: 'DROP COLLATION …, and use one of libc or ICU.',
  },
  {
    since: 17,
    what: 'an exclusion constraint on a partitioned table',
    sql: `SELECT 'constraint', ${CONSTRAINT} FROM ${CONSTRAINTS} AND k.contype = 'x'
      AND EXISTS (SELECT FROM pg_class c WHERE c.oid = k.conrelid AND c.relkind = 'p')`,
    instead: 'ALTER TABLE … DROP CONSTRAINT …, and give each partition its own.',
  },
  {
    since: 17,
    what: 'the privilege MAINTAIN',
    sql: `SELECT 'table', c.oid::regclass::text
      FROM pg_class c JOIN selected s ON s.oid = c.oid, aclexplode(c.relacl) p
      WHERE c.relkind IN ('r', 'p', 'm', 'v', 'f')
      GROUP BY c.oid, p.grantee
      -- Together with all others it is granted as ALL.
      HAVING bool_or(p.privilege_type = 'MAINTAIN') AND count(DISTINCT p.privilege_type) < 8`,
    instead: 'REVOKE MAINTAIN ON … FROM ….',
    privilege: true,
  },
  {
    since: 16,
    what: 'rules of ICU',
    sql: `SELECT 'collation', format('%I.%I', n.nspname, c.collname)
      FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace
      WHERE c.collicurules IS NOT NULL AND ${ofUsers('pg_collation', 'c')}`,
    instead: 'DROP COLLATION …, or make it anew without RULES.',
  },
  {
    since: 15,
    what: 'NULLS NOT DISTINCT',
    sql: `SELECT 'index', i.indexrelid::regclass::text FROM pg_index i JOIN selected s ON s.oid = i.indrelid
      WHERE i.indnullsnotdistinct`,
    instead: 'DROP INDEX …, or make it anew without that.',
  },
  {
    since: 15,
    what: 'security_invoker',
    sql: `SELECT 'view', c.oid::regclass::text FROM pg_class c JOIN selected s ON s.oid = c.oid
      WHERE c.relkind = 'v'
        AND EXISTS (SELECT FROM unnest(c.reloptions) o WHERE o LIKE 'security_invoker=%')`,
    instead: 'ALTER VIEW … RESET (security_invoker).',
  },
  {
    since: 15,
    what: 'SET NULL or SET DEFAULT for some columns only',
    sql: `SELECT 'constraint', ${CONSTRAINT} FROM ${CONSTRAINTS} AND k.confdelsetcols IS NOT NULL`,
    instead: 'ALTER TABLE … DROP CONSTRAINT …, or make it anew without columns behind ON DELETE.',
  },
  {
    since: 15,
    what: 'an unlogged sequence',
    sql: `SELECT 'sequence', c.oid::regclass::text FROM pg_class c JOIN selected s ON s.oid = c.oid
      WHERE c.relkind = 'S' AND c.relpersistence = 'u'`,
    instead: 'ALTER SEQUENCE … SET LOGGED (that of an identity column goes with its table).',
  },
  {
    since: 15,
    what: 'numeric with a negative scale',
    sql: `SELECT 'column', ${COLUMN} FROM ${COLUMNS} AND format_type(a.atttypid, a.atttypmod) ~ '^numeric\\(.*,-'`,
    instead: 'ALTER TABLE … ALTER COLUMN … TYPE ….',
  },
  {
    since: 14,
    what: 'a compression method of its own',
    sql: `SELECT 'column', ${COLUMN} FROM ${COLUMNS} AND a.attcompression <> ''`,
    instead: 'ALTER TABLE … ALTER COLUMN … SET COMPRESSION default.',
  },
  {
    since: 14,
    what: 'a multirange',
    sql: `SELECT 'column', ${COLUMN} FROM ${COLUMNS}
      AND EXISTS (SELECT FROM pg_type t WHERE t.oid = a.atttypid AND t.typtype = 'm')`,
    instead: 'ALTER TABLE … ALTER COLUMN … TYPE ….',
  },
  {
    since: 14,
    what: 'a multirange beside it',
    sql: `SELECT 'type', t.oid::regtype::text FROM pg_type t WHERE t.typtype = 'r' AND ${ofUsers('pg_type', 't')}`,
    instead: 'DROP TYPE ….',
  },
  {
    since: 14,
    what: 'OUT parameters of a procedure',
    sql: `SELECT 'procedure', p.oid::regprocedure::text FROM pg_proc p
      WHERE p.prokind = 'p' AND 'o' = ANY (p.proargmodes) AND ${ofUsers('pg_proc', 'p')}`,
    instead: 'DROP PROCEDURE …, or make it anew with INOUT.',
  },
  {
    since: 14,
    what: 'a body in standard SQL',
    sql: `SELECT 'routine', p.oid::regprocedure::text FROM pg_proc p
      WHERE p.prosqlbody IS NOT NULL AND ${ofUsers('pg_proc', 'p')}`,
    instead: 'Make it anew with its body as a string (AS $$ … $$).',
  },
  {
    since: 14,
    what: 'statistics on expressions',
    sql: `SELECT 'statistics', format('%I.%I', n.nspname, e.stxname)
      FROM pg_statistic_ext e JOIN selected s ON s.oid = e.stxrelid JOIN pg_namespace n ON n.oid = e.stxnamespace
      WHERE e.stxexprs IS NOT NULL`,
    instead: 'DROP STATISTICS ….',
  },
  {
    gone: 18,
    what: 'UNLOGGED on a partitioned table',
    sql: `SELECT 'table', c.oid::regclass::text FROM pg_class c JOIN selected s ON s.oid = c.oid
      WHERE c.relkind = 'p' AND c.relpersistence = 'u'`,
    instead: 'CREATE TABLE … (LIKE … INCLUDING ALL) PARTITION BY … in its place, without UNLOGGED.',
  },
  {
    gone: 14,
    what: 'a postfix operator',
    sql: `SELECT 'operator', o.oid::regoperator::text FROM pg_operator o
      WHERE o.oprright = 0 AND ${ofUsers('pg_operator', 'o')}`,
    instead: 'DROP OPERATOR ….',
  },
];
