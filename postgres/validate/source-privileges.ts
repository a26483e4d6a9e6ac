/** What the source's roles may do: replicate, publish, and read everything that travels. */
import { escapeIdentifier } from 'pg';
import type { Finding } from '../../contract/state.js';
import { mayCreateDdlTrigger, stopsAtChanges } from '../lane/ddl-trigger.js';
import { givenStart } from '../lane/lane-names.js';
import type { OnSource } from './check.js';
import { capFindings, listNames } from './check.js';
import { isRds } from './parameter.js';

const REPLICATION_SQL = `
  SELECT /* pgtrek: validate replication role */
    r.rolname::text AS role,
    r.rolsuper OR r.rolreplication OR EXISTS (
      SELECT FROM pg_roles g
      WHERE g.rolname IN ('rds_replication', 'rds_superuser') AND pg_has_role(r.oid, g.oid, 'MEMBER')
    ) AS allowed
  FROM pg_roles r
  WHERE r.rolname = ANY ($1::text[])
  ORDER BY r.rolname`;

/** The slot is made by source.user, and read by the user of source.replication. */
export async function checkReplicationRole({ source, servers }: OnSource): Promise<Finding[]> {
  const users = [...new Set([servers.source.user, servers.replication.user])];
  const rows = await source.query<{ role: string; allowed: boolean }>(REPLICATION_SQL, [users]);
  const allowed = rows.filter((row) => row.allowed).map(({ role }) => role);
  const refused = users.filter((user) => !allowed.includes(user));
  const { end } = source.endpoint;
  const finding = { id: `${end}.privileges.replication`, scope: end };
  if (refused.length === 0)
    return [{ ...finding, verdict: 'ok', why: `${users.join(' and ')} may replicate.` }];
  const managed = await isRds(source);
  const known = new Set(rows.map(({ role }) => role));
  return refused.map((user) => {
    const role = escapeIdentifier(user);
    const grant = managed ? `GRANT rds_replication TO ${role};` : `ALTER ROLE ${role} REPLICATION;`;
    return {
      ...finding,
      scope: `${end}.role ${user}`,
      verdict: 'block',
      why: known.has(user)
        ? `Role ${user} of the ${end} is neither superuser nor has it REPLICATION: it may not use a replication slot.`
        : `The ${end} has no role ${user}, which ${end}.replication names.`,
      remedy: known.has(user) ? grant : `CREATE ROLE ${role} LOGIN REPLICATION PASSWORD '…';`,
    };
  });
}

const CREATE_SQL = `
  SELECT /* pgtrek: validate source create */
    has_database_privilege(current_database(), 'CREATE') AS allowed,
    format('GRANT CREATE ON DATABASE %I TO %I;', current_database(), current_user) AS remedy`;

export async function checkSourceCreate({ source }: OnSource): Promise<Finding[]> {
  const { allowed, remedy } = await source.one<{ allowed: boolean; remedy: string }>(CREATE_SQL);
  const { user, database } = source.endpoint;
  const finding = { id: 'source.privileges.create', scope: 'source' };
  if (allowed)
    return [{ ...finding, verdict: 'ok', why: `${user} may create in database ${database} of the source.` }];
  const why = `Role ${user} has no CREATE on database ${database} of the source: it may make neither the publication nor schema pgtrek with the journal.`;
  return [{ ...finding, verdict: 'block', why, remedy }];
}

/** Only told: without it, changes of the schema are found by comparing. */
export async function checkEventTrigger({ source, spec }: OnSource): Promise<Finding[]> {
  if (!stopsAtChanges(spec)) return [];
  const may = await mayCreateDdlTrigger(source);
  const { user } = source.endpoint;
  const why = may
    ? `${user} may create an event trigger: the lanes stop right at a change of the source's schema.`
    : `${user} may create no event trigger: a change of the source's schema is noticed some seconds after it.`;
  return [{ id: 'source.privileges.event_trigger', scope: 'source', verdict: 'ok', why }];
}

const OWNERSHIP_SQL = `
  SELECT /* pgtrek: validate ownership */
    pg_get_userbyid(c.relowner)::text AS owner,
    -- Membership of a superuser is far more than owning a few tables.
    CASE WHEN bool_or(r.rolsuper)
      THEN string_agg(format('ALTER TABLE %I.%I OWNER TO %I;', n.nspname, c.relname, current_user), ' ' ORDER BY c.oid)
      ELSE format('GRANT %I TO %I; -- or ALTER TABLE … OWNER TO %2$I', pg_get_userbyid(c.relowner), current_user)
    END AS remedy,
    array_agg(format('%I.%I', n.nspname, c.relname) ORDER BY n.nspname, c.relname) AS tables
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_roles r ON r.oid = c.relowner
  WHERE c.oid = ANY ($1::oid[]) AND NOT pg_has_role(c.relowner, 'USAGE')
  GROUP BY c.relowner
  ORDER BY 1`;

/** Longer than this nobody reads it; the tables are named in the finding. */
const REMEDY_LENGTH = 1_000;

/** Only its owner adds a table to a publication. */
export async function checkOwnership({ source, selection, spec }: OnSource): Promise<Finding[]> {
  if (givenStart(spec)) return [];
  const oids = selection.selected.filter(({ kind }) => kind === 'r' || kind === 'p').map(({ oid }) => oid);
  const rows = await source.query<{ owner: string; remedy: string; tables: string[] }>(OWNERSHIP_SQL, [oids]);
  const { user, end } = source.endpoint;
  const id = `${end}.privileges.ownership`;
  if (rows.length === 0) return [{ id, scope: end, verdict: 'ok', why: `${user} owns all tables.` }];
  return capFindings(
    rows.map(({ owner, remedy, tables }) => ({
      id,
      scope: `${end}.role ${owner}`,
      verdict: 'block',
      why: `${tables.length} selected tables belong to ${owner}, and ${user} is no member of it; only an owner may publish a table: ${listNames(tables)}.`,
      remedy:
        remedy.length > REMEDY_LENGTH
          ? `${remedy.slice(0, REMEDY_LENGTH)}… and so on for all of them`
          : remedy,
    })),
  );
}

// pg_dump locks every table that it dumps, and reads every sequence, so it needs SELECT without data too.
const READ_SQL = `
  SELECT /* pgtrek: validate read */
    n.nspname::text AS schema,
    has_schema_privilege(n.oid, 'USAGE') AS usage,
    format('%I', n.nspname) AS quoted,
    format('%I', current_user) AS role,
    coalesce(array_agg(format('%I.%I', n.nspname, c.relname) ORDER BY c.relname)
      FILTER (WHERE c.relkind <> 'S' AND NOT has_table_privilege(c.oid, 'SELECT')), '{}') AS tables,
    coalesce(array_agg(format('%I.%I', n.nspname, c.relname) ORDER BY c.relname)
      FILTER (WHERE c.relkind = 'S' AND NOT has_sequence_privilege(c.oid, 'SELECT')), '{}') AS sequences
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid = ANY ($1::oid[])
  GROUP BY n.oid, n.nspname
  ORDER BY 1`;

interface Readable {
  schema: string;
  usage: boolean;
  quoted: string;
  role: string;
  tables: string[];
  sequences: string[];
}

export async function checkRead({ source, selection }: OnSource): Promise<Finding[]> {
  const oids = selection.selected.filter(({ kind }) => 'rpS'.includes(kind)).map(({ oid }) => oid);
  const rows = await source.query<Readable & Record<string, unknown>>(READ_SQL, [oids]);
  const id = 'source.privileges.select';
  const refused = rows.filter(
    ({ usage, tables, sequences }) => !usage || tables.length + sequences.length > 0,
  );
  if (refused.length === 0) {
    return [
      {
        id,
        scope: 'source',
        verdict: 'ok',
        why: `${source.endpoint.user} may read everything that is selected.`,
      },
    ];
  }
  return capFindings(
    refused.map((row) => ({
      id,
      scope: `source.schema ${row.schema}`,
      verdict: 'block',
      ...tellRefused(row),
    })),
  );
}

function tellRefused({ schema, usage, quoted, role, tables, sequences }: Readable): {
  why: string;
  remedy: string;
} {
  const missing = [
    ...(usage ? [] : ['USAGE on the schema']),
    ...(tables.length > 0 ? [`SELECT on ${listNames(tables)}`] : []),
    ...(sequences.length > 0 ? [`SELECT on the sequences ${listNames(sequences)}`] : []),
  ];
  const grants = [
    ...(usage ? [] : [`GRANT USAGE ON SCHEMA ${quoted} TO ${role};`]),
    ...(tables.length > 0 ? [`GRANT SELECT ON ALL TABLES IN SCHEMA ${quoted} TO ${role};`] : []),
    ...(sequences.length > 0 ? [`GRANT SELECT ON ALL SEQUENCES IN SCHEMA ${quoted} TO ${role};`] : []),
  ];
  return {
    why: `The source's role in schema ${schema} lacks ${missing.join('; ')}.`,
    remedy: grants.join(' '),
  };
}

// With row_security = off, as all our sessions have it, such a read is an error instead of a part of the rows.
const ROW_SECURITY_SQL = `
  SELECT /* pgtrek: validate row security */
    format('%I.%I', n.nspname, c.relname) AS qualified,
    format('ALTER ROLE %I BYPASSRLS;', current_user) AS remedy
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid = ANY ($1::oid[]) AND c.relrowsecurity AND row_security_active(c.oid)
  ORDER BY 1`;

export async function checkRowSecurity({ source, selection }: OnSource): Promise<Finding[]> {
  const { selected, withoutData } = selection;
  const oids = selected
    .filter(({ kind, oid }) => (kind === 'r' || kind === 'p') && !withoutData.has(oid))
    .map(({ oid }) => oid);
  const rows = await source.query<{ qualified: string; remedy: string }>(ROW_SECURITY_SQL, [oids]);
  const finding = { id: 'source.privileges.row_security', scope: 'source' };
  const { user } = source.endpoint;
  const [first] = rows;
  if (!first) return [{ ...finding, verdict: 'ok', why: `No row-level security hides rows from ${user}.` }];
  const why = `Row-level security hides rows from ${user} in ${listNames(rows.map(({ qualified }) => qualified))}.`;
  const remedy = `${first.remedy} -- or let a member of the tables' owner copy, where it is not FORCED`;
  return [{ ...finding, verdict: 'block', why, remedy }];
}
