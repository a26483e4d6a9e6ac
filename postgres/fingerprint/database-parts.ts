/** What belongs to no relation: schemas, types, functions, extensions, and the objects that few databases have. */
import { privileges } from './catalog-part.js';
import type { CatalogPart } from './catalog-part.js';

const notOfExtension = (catalog: string, oid: string) => `NOT EXISTS (
  SELECT FROM member m WHERE m.classid = 'pg_catalog.${catalog}'::regclass AND m.objid = ${oid})`;

/** A row without what is told elsewhere. Any column counts, whatever the server's version has. */
const rowOf = (alias: string, ...without: string[]) =>
  `md5((to_jsonb(${alias}) - '{${['oid', ...without].join(',')}}'::text[])::text)`;

function schemas(): CatalogPart {
  return {
    from: `FROM namespace n WHERE ${notOfExtension('pg_namespace', 'n.oid')}`,
    kind: `'schema'`,
    objid: 'n.oid',
    label: 'n.nspname',
    raw: [`''`],
    name: 'quote_ident(n.nspname)',
    role: 'n.nspowner',
    acl: privileges('n.nspacl', 'n', 'n.nspowner'),
  };
}

/** Row types, arrays and multiranges come with what they are made of. */
const TYPES_FROM = `
  FROM pg_type t
    JOIN namespace n ON n.oid = t.typnamespace
    LEFT JOIN pg_class c ON c.oid = t.typrelid
  WHERE t.typisdefined AND ${notOfExtension('pg_type', 't.oid')}
    AND (t.typtype IN ('e', 'd', 'r') OR (t.typtype = 'b' AND t.typcategory <> 'A') OR c.relkind = 'c')`;

/** Of `t`, in pg_type: what follows CREATE DOMAIN name AS. */
export const DOMAIN_DEFINITION = `
  concat_ws(' ', format_type(t.typbasetype, t.typtypmod),
        (SELECT 'COLLATE ' || quote_ident(o.collname) FROM pg_collation o, pg_type b
          WHERE o.oid = t.typcollation AND b.oid = t.typbasetype AND b.typcollation <> o.oid),
        CASE WHEN t.typnotnull THEN 'NOT NULL' END, 'DEFAULT ' || t.typdefault,
        (SELECT string_agg(concat('CONSTRAINT ', quote_ident(k.conname), ' ', pg_get_constraintdef(k.oid)), ' ' ORDER BY k.conname)
          FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c'))`;

/** Few databases have more than some hundred of them, so what they are made of is looked up for each. */
function types(): CatalogPart {
  return {
    from: TYPES_FROM,
    kind: `'type'`,
    objid: 't.oid',
    label: `concat(t.typnamespace, '.', t.typname)`,
    raw: [
      rowOf('t', 'typname', 'typnamespace', 'typowner', 'typacl', 'typarray', 'typrelid'),
      `(SELECT ${rowOf('r', 'rngtypid', 'rngmultitypid')} FROM pg_range r WHERE r.rngtypid = t.oid)`,
      `(SELECT string_agg(concat_ws('.', a.attname, a.atttypid, a.atttypmod, a.attcollation), ',' ORDER BY a.attnum)
        FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped)`,
      `(SELECT string_agg(concat_ws('.', k.conname, k.convalidated, md5(k.conbin::text)), ',' ORDER BY k.conname)
        FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c')`,
    ],
    name: `format('%I.%I', n.nspname, t.typname)`,
    definition: `CASE t.typtype
      WHEN 'e' THEN 'ENUM'
      WHEN 'd' THEN ${DOMAIN_DEFINITION}
      WHEN 'c' THEN concat('(', (
        SELECT string_agg(concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
          'COLLATE ' || (SELECT quote_ident(o.collname) FROM pg_collation o WHERE o.oid = a.attcollation AND o.collname <> 'default')),
          ', ' ORDER BY a.attnum)
        FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped), ')') END`,
    role: 't.typowner',
    acl: privileges('t.typacl', 'T', 't.typowner'),
  };
}

/** Without their order: it changes by new values only, and a server may number all of them anew. */
function enumValues(): CatalogPart {
  return {
    from: TYPES_FROM.replace('FROM pg_type t', 'FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid'),
    kind: `'enum-value'`,
    objid: 'e.oid',
    container: `concat('type/', t.oid, '/0')`,
    label: 'e.enumlabel',
    raw: [`''`],
    name: `format('%I.%I', n.nspname, t.typname)`,
    definition: 'quote_literal(e.enumlabel)',
  };
}

/** Procedures and aggregates too. A range type makes its own constructors. */
function functions(): CatalogPart {
  return {
    from: `
      FROM pg_proc p
        JOIN namespace n ON n.oid = p.pronamespace
        LEFT JOIN pg_aggregate a ON a.aggfnoid = p.oid
      WHERE ${notOfExtension('pg_proc', 'p.oid')} AND p.prosrc !~ '^(multi)?range_constructor[0-9]$'`,
    kind: `'function'`,
    objid: 'p.oid',
    label: `concat_ws('.', p.pronamespace, p.proname, p.proargtypes)`,
    raw: [rowOf('p', 'proname', 'pronamespace', 'proowner', 'proacl'), rowOf('a', 'aggfnoid')],
    name: 'p.oid::regprocedure::text',
    definition: `CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END`,
    role: 'p.proowner',
    acl: privileges('p.proacl', 'f', 'p.proowner'),
  };
}

/** initdb makes those with small oids. */
const FIRST_USER_OID = 16384;

function extensions(): CatalogPart {
  return {
    from: `FROM pg_extension x JOIN pg_namespace n ON n.oid = x.extnamespace WHERE x.oid >= ${FIRST_USER_OID}`,
    kind: `'extension'`,
    objid: 'x.oid',
    label: 'x.extname',
    raw: ['x.extversion', 'x.extnamespace'],
    name: 'quote_ident(x.extname)',
    definition: `concat('VERSION ', quote_literal(x.extversion), ' SCHEMA ', quote_ident(n.nspname))`,
  };
}

/** Catalogs whose rows count whole, with the columns that do not. */
const OTHERS: Record<string, string[]> = {
  pg_operator: [],
  pg_opclass: [],
  pg_opfamily: [],
  pg_cast: [],
  pg_conversion: [],
  pg_collation: ['collversion'],
  pg_ts_config: [],
  pg_ts_dict: [],
  pg_ts_parser: [],
  pg_ts_template: [],
  pg_language: [],
  pg_am: [],
  pg_transform: [],
  pg_foreign_data_wrapper: [],
  pg_foreign_server: [],
  pg_event_trigger: [],
  pg_default_acl: [],
};

/** Event triggers of ours, on a source. */
const NOT_OURS = `
        AND NOT EXISTS (
          SELECT FROM pg_proc p WHERE p.oid = x.evtfoid AND p.pronamespace = to_regnamespace('pgtrek')
        )`;

function others(catalog: string, without: string[]): CatalogPart {
  const identity = `(SELECT concat(i.type, ' ', i.identity) FROM pg_identify_object(x.tableoid, x.oid, 0) i)`;
  return {
    // A range type makes its own casts.
    from: `
      FROM ${catalog} x
      WHERE x.oid >= ${FIRST_USER_OID} AND ${notOfExtension(catalog, 'x.oid')}
        AND NOT EXISTS (
          SELECT FROM pg_depend d
          WHERE d.classid = 'pg_catalog.${catalog}'::regclass AND d.objid = x.oid AND d.deptype = 'i'
        )${catalog === 'pg_event_trigger' ? NOT_OURS : ''}`,
    kind: `'object'`,
    objid: 'x.oid',
    subid: 'x.tableoid',
    knownBy: identity,
    raw: [rowOf('x', ...without)],
    name: identity,
  };
}

export function databaseParts(): CatalogPart[] {
  return [
    schemas(),
    extensions(),
    types(),
    enumValues(),
    functions(),
    ...Object.entries(OTHERS).map(([catalog, without]) => others(catalog, without)),
  ];
}
