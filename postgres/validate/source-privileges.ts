/** What the source's roles may do: replicate, publish, and see what others do there. */
import { escapeIdentifier } from 'pg';
import type { Finding } from '../../contract/state.js';
import { mayCreateDdlTrigger, stopsAtChanges } from '../lane/ddl-trigger.js';
import { givenStart } from '../lane/lane-names.js';
import type { Session } from '../session.js';
import type { OnSource } from './check.js';
import { capFindings, listNames } from './check.js';
import { grantMembership } from './membership.js';
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
    r.rolsuper AS superuser,
    (SELECT rolinherit FROM pg_roles WHERE rolname = current_user) AS inherits,
    string_agg(format('ALTER TABLE %I.%I OWNER TO %I;', n.nspname, c.relname, current_user), ' ' ORDER BY c.oid)
      AS alter,
    array_agg(format('%I.%I', n.nspname, c.relname) ORDER BY n.nspname, c.relname) AS tables
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_roles r ON r.oid = c.relowner
  WHERE c.oid = ANY ($1::oid[]) AND NOT pg_has_role(c.relowner, 'USAGE')
  GROUP BY c.relowner, r.rolsuper
  ORDER BY 1`;

interface Owned {
  owner: string;
  superuser: boolean;
  inherits: boolean;
  alter: string;
  tables: string[];
}

/** Longer than this nobody reads it; the tables are named in the finding. */
const REMEDY_LENGTH = 1_000;

/** Only its owner adds a table to a publication. */
export async function checkOwnership({ source, selection, spec }: OnSource): Promise<Finding[]> {
  if (givenStart(spec)) return [];
  const oids = selection.selected.filter(({ kind }) => kind === 'r' || kind === 'p').map(({ oid }) => oid);
  const rows = await source.query<Owned & Record<string, unknown>>(OWNERSHIP_SQL, [oids]);
  const { user, end } = source.endpoint;
  const id = `${end}.privileges.ownership`;
  if (rows.length === 0) return [{ id, scope: end, verdict: 'ok', why: `${user} owns all tables.` }];
  return capFindings(
    rows.map((row) => ({
      id,
      scope: `${end}.role ${row.owner}`,
      verdict: 'block',
      why: `${row.tables.length} selected tables belong to ${row.owner}, whose rights ${user} does not have; only an owner may publish a table: ${listNames(row.tables)}.`,
      remedy: ownershipRemedy(source, row),
    })),
  );
}

/** Owners that `checkOwnership` says to become a member of: their rights come with that. */
export function ownersToJoin({ source, found }: OnSource): string[] {
  const { end } = source.endpoint;
  const prefix = `${end}.role `;
  return found
    .filter(({ id, verdict }) => id === `${end}.privileges.ownership` && verdict === 'block')
    .flatMap(({ scope }) => (scope.startsWith(prefix) ? [scope.slice(prefix.length)] : []));
}

/** Membership of a superuser is far more than owning a few tables. */
function ownershipRemedy(
  { endpoint, version }: Session,
  { owner, superuser, inherits, alter }: Owned,
): string {
  if (!superuser) {
    const grant = grantMembership({ of: owner, role: endpoint.user, inherits, version }).join(' ');
    return `${grant} -- or ALTER TABLE … OWNER TO ${escapeIdentifier(endpoint.user)}`;
  }
  return alter.length > REMEDY_LENGTH ? `${alter.slice(0, REMEDY_LENGTH)}… and so on for all of them` : alter;
}

const STATISTICS_SQL = `
  SELECT /* pgtrek: validate statistics */
    pg_has_role('pg_read_all_stats', 'USAGE') AS allowed,
    format('GRANT pg_read_all_stats TO %I;', current_user) AS remedy`;

export const STATISTICS_ID = 'source.privileges.statistics';

export async function checkStatistics({ source }: OnSource): Promise<Finding[]> {
  const { allowed, remedy } = await source.one<{ allowed: boolean; remedy: string }>(STATISTICS_SQL);
  const { user } = source.endpoint;
  const finding = { id: STATISTICS_ID, scope: 'source' };
  if (allowed) return [{ ...finding, verdict: 'ok', why: `${user} sees the transactions of all roles.` }];
  const why = `${user} is no member of pg_read_all_stats: it cannot see the transactions of other roles, for which a slot waits and which hold it up, nor since when the sessions are there that a cutover ends.`;
  return [{ ...finding, verdict: 'warn', why, remedy }];
}
