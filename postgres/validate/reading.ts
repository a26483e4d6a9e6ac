/** Whether the source's roles may read everything that travels: schemas, tables, sequences, and every row. */
import type { Finding } from '../../contract/state.js';
import { copiesByServer } from '../lane/lane-names.js';
import type { OnSource } from './check.js';
import { capFindings, listNames } from './check.js';
import { ownersToJoin } from './source-privileges.js';

/** The role may itself, or will when it is a member of an owner that it is told to join: `$3`. */
const may = (right: (role: string) => string) => `(${right('r.oid')} OR r.rolname = current_user AND EXISTS (
    SELECT FROM pg_roles o WHERE o.rolname = ANY ($3::text[]) AND NOT o.rolsuper AND ${right('o.oid')}))`;

// pg_dump locks every table that it dumps, and reads every sequence, so it needs SELECT without data too.
const READ_SQL = `
  SELECT /* pgtrek: validate read */
    n.nspname::text AS schema,
    r.rolname::text AS role,
    ${may((role) => `has_schema_privilege(${role}, n.oid, 'USAGE')`)} AS usage,
    format('%I', n.nspname) AS quoted,
    format('%I', r.rolname) AS grantee,
    coalesce(array_agg(format('%I.%I', n.nspname, c.relname) ORDER BY c.relname)
      FILTER (WHERE c.relkind <> 'S' AND NOT ${may((role) => `has_table_privilege(${role}, c.oid, 'SELECT')`)}), '{}') AS tables,
    coalesce(array_agg(format('%I.%I', n.nspname, c.relname) ORDER BY c.relname)
      FILTER (WHERE c.relkind = 'S' AND NOT ${may((role) => `has_sequence_privilege(${role}, c.oid, 'SELECT')`)}), '{}') AS sequences
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_roles r ON r.rolname = ANY ($2::text[])
  WHERE c.oid = ANY ($1::oid[])
  GROUP BY n.oid, n.nspname, r.oid, r.rolname
  ORDER BY 1, 2`;

interface Readable {
  schema: string;
  role: string;
  usage: boolean;
  /** Both as SQL writes them. */
  quoted: string;
  grantee: string;
  tables: string[];
  sequences: string[];
}

export async function checkRead(facts: OnSource): Promise<Finding[]> {
  const { source, selection, servers, spec } = facts;
  const { user } = source.endpoint;
  const oids = selection.selected.filter(({ kind }) => 'rpS'.includes(kind)).map(({ oid }) => oid);
  // The server's own first copy logs in as the user of source.replication.
  const users = copiesByServer(spec) ? [user, servers.replication.user] : [user];
  const rows = await source.query<Readable & Record<string, unknown>>(READ_SQL, [
    oids,
    users,
    ownersToJoin(facts),
  ]);
  return [
    ...tellUsage(rows, user),
    ...(readsRows(facts) ? tellTables(rows, user) : []),
    ...tellSequences(
      rows.filter(({ role }) => role === user),
      user,
    ),
  ];
}

/** Replication alone reads the log, not the tables. */
function readsRows({ spec }: OnSource): boolean {
  return spec.mode !== 'cdc' || (spec as Partial<OnSource['spec']>).verify?.content === true;
}

function tellUsage(rows: Readable[], user: string): Finding[] {
  const id = 'source.privileges.schema_usage';
  const refused = rows.filter(({ usage }) => !usage);
  if (refused.length === 0)
    return [{ id, scope: 'source', verdict: 'ok', why: `${user} may use all schemas of what is selected.` }];
  return capFindings(
    refused.map(({ schema, quoted, role, grantee }) => ({
      id,
      scope: `source.schema ${schema}`,
      verdict: 'block',
      why: `Role ${role} has no USAGE on schema ${schema} of the source: it can neither read nor publish what is in it.`,
      remedy: `GRANT USAGE ON SCHEMA ${quoted} TO ${grantee};`,
    })),
  );
}

function tellTables(rows: Readable[], user: string): Finding[] {
  const id = 'source.privileges.select';
  const refused = rows.filter(({ tables }) => tables.length > 0);
  if (refused.length === 0)
    return [{ id, scope: 'source', verdict: 'ok', why: `${user} may read all tables that are selected.` }];
  return capFindings(
    refused.map(({ schema, quoted, role, grantee, tables }) => ({
      id,
      scope: `source.schema ${schema}`,
      verdict: 'block',
      why: `Role ${role} of the source has no SELECT on ${tables.length} tables of schema ${schema}: ${listNames(tables)}.`,
      remedy: `GRANT SELECT ON ALL TABLES IN SCHEMA ${quoted} TO ${grantee};`,
    })),
  );
}

function tellSequences(rows: Readable[], user: string): Finding[] {
  const id = 'source.privileges.sequences';
  const refused = rows.filter(({ sequences }) => sequences.length > 0);
  if (refused.length === 0)
    return [{ id, scope: 'source', verdict: 'ok', why: `${user} may read all sequences that are selected.` }];
  return capFindings(
    refused.map(({ schema, quoted, role, grantee, sequences }) => ({
      id,
      scope: `source.schema ${schema}`,
      verdict: 'block',
      why: `Role ${role} of the source has no SELECT on ${sequences.length} sequences of schema ${schema}, whose values come to the target: ${listNames(sequences)}.`,
      remedy: `GRANT SELECT ON ALL SEQUENCES IN SCHEMA ${quoted} TO ${grantee};`,
    })),
  );
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
