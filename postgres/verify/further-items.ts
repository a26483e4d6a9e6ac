/** What a comparison of two databases reads beyond drift: comments, statistics, and what rare objects are made of. */
import type { SchemaItem } from '../fingerprint/read-items.js';
import type { Session } from '../session.js';

const FIRST_USER_OID = 16384;

const NO_MEMBER = `NOT EXISTS (
  SELECT FROM pg_depend m WHERE m.classid = d.classoid AND m.objid = d.objoid AND m.deptype = 'e')`;

/** The relation that a comment's object belongs to. */
const REL = `coalesce(
  CASE d.classoid
    WHEN 'pg_class'::regclass THEN coalesce((SELECT i.indrelid FROM pg_index i WHERE i.indexrelid = d.objoid), d.objoid)
    WHEN 'pg_constraint'::regclass THEN (SELECT k.conrelid FROM pg_constraint k WHERE k.oid = d.objoid)
    WHEN 'pg_trigger'::regclass THEN (SELECT g.tgrelid FROM pg_trigger g WHERE g.oid = d.objoid)
    WHEN 'pg_policy'::regclass THEN (SELECT p.polrelid FROM pg_policy p WHERE p.oid = d.objoid)
    WHEN 'pg_rewrite'::regclass THEN (SELECT w.ev_class FROM pg_rewrite w WHERE w.oid = d.objoid)
    WHEN 'pg_statistic_ext'::regclass THEN (SELECT s.stxrelid FROM pg_statistic_ext s WHERE s.oid = d.objoid)
  END, 0::oid)`;

/** The comment of an extension is its own; publications and subscriptions are no part of a schema. */
const COMMENTS_SQL = `
  SELECT concat('comment on ', i.type, ' ', i.identity) AS name, ${REL} AS rel, d.description AS definition
  FROM pg_description d CROSS JOIN LATERAL pg_identify_object(d.classoid, d.objoid, d.objsubid) i
  WHERE d.objoid >= ${FIRST_USER_OID} AND ${NO_MEMBER}
    AND d.classoid NOT IN ('pg_extension'::regclass, 'pg_publication'::regclass, 'pg_subscription'::regclass)
    AND i.identity !~ '(^| on )(pgtrek|pg_temp_\\d+|pg_toast\\w*)(\\.|$)'
    AND NOT (i.type = 'event trigger' AND i.identity LIKE 'pgtrek\\_%')`;

const STATISTICS_SQL = `
  SELECT format('statistics %I.%I', n.nspname, s.stxname) AS name, s.stxrelid AS rel,
    pg_get_statisticsobjdef(s.oid) AS definition
  FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace
  WHERE n.nspname !~ '^pg_' AND n.nspname <> 'pgtrek'
  UNION ALL
  SELECT format('statistics of column %I.%I.%I', n.nspname, c.relname, a.attname), c.oid,
    concat_ws(' ', 'target ' || nullif(a.attstattarget, -1), a.attoptions::text)
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE a.attnum > 0 AND NOT a.attisdropped AND (a.attstattarget >= 0 OR a.attoptions IS NOT NULL)
    AND c.relkind IN ('r', 'p', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgtrek')`;

interface Further {
  name: string;
  rel: number;
  definition: string;
}

/** Each with its own text as its definition. */
export async function readFurtherItems(session: Session): Promise<SchemaItem[]> {
  const rows = await session.query<Further & Record<string, unknown>>(
    `SELECT /* pgtrek: read-comments */ * FROM (${COMMENTS_SQL} UNION ALL ${STATISTICS_SQL}) f`,
  );
  return rows.map(({ name, rel, definition }) => ({
    id: `object/${name}`,
    kind: 'object',
    rel,
    container: '',
    label: name,
    known: name,
    raw: '|',
    name,
    definition,
    role: null,
    acl: null,
    hash: '0',
  }));
}

/** Options may hold secrets: they are compared, and not told. */
const hidden = (options: string) => `'options ' || md5(${options}::text)`;

const ACL = `(SELECT string_agg(concat(coalesce(nullif(g.grantee, 0)::regrole::text, 'PUBLIC'), '=', g.privilege_type), ' '
    ORDER BY g.grantee::regrole::text COLLATE "C", g.privilege_type COLLATE "C")
  FROM aclexplode(x.defaclacl) g WHERE g.privilege_type <> 'MAINTAIN')`;

/** Of catalogs whose rows drift takes whole, with oids that mean nothing elsewhere. */
const DEFINITIONS: Record<string, string> = {
  pg_default_acl: ACL,
  pg_event_trigger: `concat_ws(' ', x.evtevent, x.evtfoid::regprocedure, x.evttags::text, x.evtenabled)`,
  pg_cast: `concat_ws(' ', x.castfunc::regprocedure, x.castcontext, x.castmethod)`,
  pg_operator: `concat_ws(' ', x.oprcode, x.oprcom::regoperator, x.oprnegate::regoperator, x.oprrest, x.oprjoin, x.oprcanmerge, x.oprcanhash)`,
  pg_collation: `concat_ws(' ', x.collprovider, x.collisdeterministic, x.collcollate, x.collctype,
    coalesce(to_jsonb(x)->>'colllocale', to_jsonb(x)->>'colliculocale'))`,
  pg_ts_dict: 'x.dictinitoption',
  pg_ts_config: `(SELECT string_agg(concat(m.maptokentype, ' ', m.mapseqno, ' ', m.mapdict::regdictionary), ', '
      ORDER BY m.maptokentype, m.mapseqno) FROM pg_ts_config_map m WHERE m.mapcfg = x.oid)`,
  pg_foreign_data_wrapper: `concat_ws(' ', x.fdwhandler::regproc, x.fdwvalidator::regproc, ${hidden('x.fdwoptions')})`,
  pg_foreign_server: `concat_ws(' ', x.srvtype, x.srvversion, ${hidden('x.srvoptions')})`,
  pg_language: `concat_ws(' ', x.lanpltrusted, x.lanplcallfoid::regproc, x.laninline::regproc)`,
};

function definitionSql([catalog, definition]: [string, string]): string {
  return `
    SELECT concat('object/', i.type, ' ', i.identity, '/0') AS id, ${definition} AS definition
    FROM ${catalog} x CROSS JOIN LATERAL pg_identify_object(x.tableoid, x.oid, 0) i
    WHERE x.oid >= ${FIRST_USER_OID}`;
}

const RANGES_SQL = `
  SELECT concat('type/', format('%I.%I', n.nspname, t.typname), '/0'),
    concat_ws(' ', 'RANGE', format_type(r.rngsubtype, NULL), nullif(r.rngcanonical::text, '-'), nullif(r.rngsubdiff::text, '-'),
      (SELECT o.collname FROM pg_collation o WHERE o.oid = r.rngcollation))
  FROM pg_range r JOIN pg_type t ON t.oid = r.rngtypid JOIN pg_namespace n ON n.oid = t.typnamespace
  WHERE t.oid >= ${FIRST_USER_OID}`;

const AGGREGATES_SQL = `
  SELECT concat('function/', a.aggfnoid::regprocedure, '/0'),
    concat_ws(' ', 'AGGREGATE', a.aggkind, a.aggtransfn, format_type(a.aggtranstype, NULL), a.agginitval, a.aggfinalfn,
      a.aggcombinefn, a.aggmtransfn, a.aggfinalextra)
  FROM pg_aggregate a WHERE a.aggfnoid >= ${FIRST_USER_OID}`;

/** By the id of the object. */
export async function readFurtherDefinitions(session: Session): Promise<Map<string, string>> {
  const rows = await session.query<{ id: string; definition: string | null }>(
    `SELECT /* pgtrek: read-rare-definitions */ * FROM (
       ${[...Object.entries(DEFINITIONS).map(definitionSql), RANGES_SQL, AGGREGATES_SQL].join(' UNION ALL ')}
     ) d`,
  );
  return new Map(rows.flatMap(({ id, definition }) => (definition === null ? [] : [[id, definition]])));
}
