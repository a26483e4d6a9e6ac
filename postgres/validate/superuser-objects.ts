/** Objects of the source that only a superuser can make, where the target's role is none. */
import { escapeIdentifier } from 'pg';
import type { Finding } from '../../contract/findings.js';
import type { OnBoth } from './check.js';
import { capFindings, listNames } from './check.js';
import { isRds } from './parameter.js';
import { isSuperuser } from './superuser.js';

// Below this are the server's own objects.
const FIRST_OF_USERS = 16_384;

// The constructors of a range type are internal functions that come with it.
const OBJECTS_SQL = `
  WITH object AS (
    SELECT 'untrusted_function' AS kind, 'pg_proc'::regclass AS class, p.oid
    FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
    WHERE p.prokind <> 'a' AND NOT l.lanpltrusted
    UNION ALL
    SELECT 'special_function', 'pg_proc'::regclass, p.oid
    FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
    WHERE l.lanpltrusted AND (p.proleakproof OR p.prosupport <> 0)
    UNION ALL
    SELECT 'internal_aggregate', 'pg_proc'::regclass, aggfnoid FROM pg_aggregate WHERE aggtranstype = 'internal'::regtype
    UNION ALL
    SELECT 'base_type', 'pg_type'::regclass, t.oid FROM pg_type t
    WHERE t.typtype = 'b' AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)
    UNION ALL
    SELECT 'binary_cast', 'pg_cast'::regclass, oid FROM pg_cast WHERE castmethod = 'b'
    UNION ALL
    SELECT 'foreign_data_wrapper', 'pg_foreign_data_wrapper'::regclass, oid FROM pg_foreign_data_wrapper
    UNION ALL
    SELECT 'language', 'pg_language'::regclass, oid FROM pg_language
    UNION ALL
    SELECT 'operator_class', 'pg_opclass'::regclass, oid FROM pg_opclass
    UNION ALL
    SELECT 'operator_class', 'pg_opfamily'::regclass, oid FROM pg_opfamily
    UNION ALL
    SELECT 'access_method', 'pg_am'::regclass, oid FROM pg_am
    UNION ALL
    SELECT 'text_search', 'pg_ts_parser'::regclass, oid FROM pg_ts_parser
    UNION ALL
    SELECT 'text_search', 'pg_ts_template'::regclass, oid FROM pg_ts_template
  )
  SELECT /* pgtrek: validate superuser objects */ o.kind,
    array_agg(i.type || ' ' || i.identity ORDER BY i.type, i.identity) AS objects
  FROM object o CROSS JOIN LATERAL pg_identify_object(o.class, o.oid, 0) AS i
  WHERE o.oid >= $1 AND coalesce(i.schema, '') !~ '^pg_' AND coalesce(i.schema, '') NOT IN ('information_schema', 'pgtrek')
    AND NOT EXISTS (
      SELECT FROM pg_depend d
      WHERE d.classid = o.class AND d.objid = o.oid AND d.objsubid = 0 AND d.deptype IN ('e', 'i')
    )
  GROUP BY o.kind
  ORDER BY o.kind`;

type Kind =
  | 'access_method'
  | 'base_type'
  | 'binary_cast'
  | 'foreign_data_wrapper'
  | 'internal_aggregate'
  | 'language'
  | 'operator_class'
  | 'special_function'
  | 'text_search'
  | 'untrusted_function';

const WHAT: Record<Kind, string> = {
  access_method: 'access methods',
  base_type: 'base types',
  binary_cast: 'casts WITHOUT FUNCTION',
  foreign_data_wrapper: 'foreign-data wrappers',
  internal_aggregate: 'aggregates with a state of type internal',
  language: 'languages that no extension has made',
  operator_class: 'operator classes and families',
  special_function: 'functions that are LEAKPROOF or have a SUPPORT function',
  text_search: 'text search parsers and templates',
  untrusted_function: 'functions in C, internal or another untrusted language',
};

interface Objects {
  kind: Kind;
  objects: string[];
}

export async function checkSuperuserObjects({ source, target }: OnBoth): Promise<Finding[]> {
  const id = 'target.privileges.superuser_objects';
  if (await isSuperuser(target)) return [];
  const { user } = target.endpoint;
  const rows = await source.query<Objects & Record<string, unknown>>(OBJECTS_SQL, [FIRST_OF_USERS]);
  if (rows.length === 0) {
    const why = `The source has nothing that only a superuser could make; ${user} of the target is none.`;
    return [{ id, scope: 'target', verdict: 'ok', why }];
  }
  const others = `drop them on the source, and make them on the target as a superuser when the migration has ended.`;
  const remedy = (await isRds(target))
    ? `On a managed service, ${others}`
    : `ALTER ROLE ${escapeIdentifier(user)} SUPERUSER; -- or another role as target.user; or ${others}`;
  return capFindings(
    rows.map(({ kind, objects }) => ({
      id,
      scope: `source.${kind}`,
      verdict: 'block',
      why: `The source has ${WHAT[kind]}, which only a superuser can make, and ${user} of the target is none: ${listNames(objects)}.`,
      remedy,
    })),
  );
}
