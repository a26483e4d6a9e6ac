/** Whether changes can be applied: in schemas that may be used, from 16 on as each table's owner, and not where row security binds it. */
import { escapeIdentifier } from 'pg';
import type { Finding } from '../../contract/findings.js';
import { BY_NAME } from '../named-tables.js';
import type { OnBoth } from './check.js';
import { capFindings, listNames } from './check.js';
import { grantMembership } from './membership.js';
import { subscribeId } from './target-privileges.js';

const TABLES = `FROM unnest($1::text[]) AS t (name) JOIN ${BY_NAME}`;

const USAGE_SQL = `
  SELECT /* pgtrek: validate apply schemas */ n.nspname::text AS schema,
    format('GRANT USAGE ON SCHEMA %I TO %I;', n.nspname, current_user) AS remedy
  FROM pg_namespace n
  WHERE n.nspname = ANY ($1::text[]) AND NOT has_schema_privilege(n.oid, 'USAGE')
  ORDER BY 1`;

/** Before it acts as an owner, the apply worker looks its tables up as the subscription's owner. */
export async function checkApplySchemas({ target, selection }: OnBoth): Promise<Finding[]> {
  const schemas = [...new Set(selection.selected.map(({ schema }) => schema))];
  const rows = await target.query<{ schema: string; remedy: string }>(USAGE_SQL, [schemas]);
  const { user, end } = target.endpoint;
  const id = `${end}.privileges.schema_usage`;
  if (rows.length === 0)
    return [
      { id, scope: end, verdict: 'ok', why: `${user} may use all schemas of the ${end} that changes go to.` },
    ];
  return capFindings(
    rows.map(({ schema, remedy }) => ({
      id,
      scope: `${end}.schema ${schema}`,
      verdict: 'block',
      why: `Role ${user} has no USAGE on schema ${schema} of the ${end}: its subscription does not find the tables there.`,
      remedy,
    })),
  );
}

// Before 15 only superusers apply, whoever owns the tables; in 15 the subscription's owner, with its own rights.
const OWNERS_SQL = `
  SELECT /* pgtrek: validate apply */ r.rolname::text AS owner, r.rolsuper AS super,
    (SELECT rolinherit FROM pg_roles WHERE rolname = current_user) AS inherits,
    array_agg(t.name ORDER BY t.name) AS tables
  ${TABLES}
    JOIN pg_roles r ON r.oid = c.relowner
  WHERE NOT pg_has_role(c.relowner, $2)
  GROUP BY r.oid, r.rolname, r.rolsuper ORDER BY 1`;

/** Who may not subscribe before 16 needs a superuser for it, whom nothing binds. */
function appliesAsSuperuser({ target, found }: OnBoth): boolean {
  if (target.version < 150000) return true;
  const isRefused = found.some(
    ({ id, verdict }) => id === subscribeId(target.endpoint) && verdict === 'block',
  );
  return target.version < 160000 && isRefused;
}

interface Owner {
  owner: string;
  super: boolean;
  inherits: boolean;
  tables: string[];
}

/** Of tables that are there already. Of those to come, `checkOwners` tells. */
export async function checkApply(facts: OnBoth): Promise<Finding[]> {
  const { target, selection } = facts;
  if (appliesAsSuperuser(facts)) return [];
  const names = selection.selected
    .filter(({ kind }) => kind === 'r' || kind === 'p')
    .map(({ qualified }) => qualified);
  const right = target.version >= 160000 ? 'SET' : 'USAGE';
  const rows = await target.query<Owner & Record<string, unknown>>(OWNERS_SQL, [names, right]);
  const { user, end } = target.endpoint;
  const finding = { id: `${end}.privileges.set_role`, scope: end };
  if (rows.length === 0)
    return [
      { ...finding, verdict: 'ok', why: `${user} of the ${end} may write to all tables as their owners.` },
    ];
  return capFindings(
    rows.map((row) => ({
      ...finding,
      scope: `${end}.role ${row.owner}`,
      verdict: 'block',
      why: `${row.tables.length} tables of the ${end} belong to ${row.owner}, and ${user}, who would subscribe there, may not act as it (SET ROLE): ${listNames(row.tables)}.`,
      // Membership of a superuser is far more than owning some tables.
      remedy: row.super
        ? `ALTER TABLE … OWNER TO ${escapeIdentifier(user)}; or a superuser as ${end}.user`
        : grantMembership({
            of: row.owner,
            role: user,
            inherits: row.inherits,
            version: target.version,
          }).join(' '),
    })),
  );
}

interface Bound {
  role: string;
  tables: string[];
}

// An owner passes its own policies unless they are forced on it.
const BOUND_SQL = `
  SELECT /* pgtrek: validate apply row security */ r.rolname::text AS role, array_agg(t.name ORDER BY t.name) AS tables
  ${TABLES}
    JOIN pg_roles r ON CASE WHEN $2 THEN r.oid = c.relowner ELSE r.rolname = current_user END
  WHERE c.relrowsecurity AND NOT r.rolsuper AND NOT r.rolbypassrls
    AND (c.relforcerowsecurity OR NOT pg_has_role(r.oid, c.relowner, 'USAGE'))
  GROUP BY r.rolname ORDER BY 1`;

/** Of tables that are there already. */
export async function checkApplyRowSecurity(facts: OnBoth): Promise<Finding[]> {
  const { target, selection } = facts;
  if (appliesAsSuperuser(facts)) return [];
  const names = selection.selected
    .filter(({ kind }) => kind === 'r' || kind === 'p')
    .map(({ qualified }) => qualified);
  const asOwner = target.version >= 160000;
  return tellBound(facts, await target.query<Bound & Record<string, unknown>>(BOUND_SQL, [names, asOwner]));
}

const FORCED_SQL = `
  SELECT /* pgtrek: validate forced row security */ pg_get_userbyid(c.relowner)::text AS role,
    array_agg(c.oid::regclass::text ORDER BY c.oid::regclass::text) AS tables
  FROM pg_class c
  WHERE c.oid = ANY ($1::oid[]) AND c.relrowsecurity AND c.relforcerowsecurity
  GROUP BY 1 ORDER BY 1`;

const BINDS_SQL = `
  SELECT /* pgtrek: validate bound roles */ rolname::text AS role FROM pg_roles
  WHERE rolname = ANY ($1::text[]) AND NOT rolsuper AND NOT rolbypassrls`;

/** Of tables that the restore makes, as they are on the source. */
export async function checkRestoredRowSecurity(facts: OnBoth): Promise<Finding[]> {
  const { source, target, selection, spec } = facts;
  if (appliesAsSuperuser(facts)) return [];
  const { user } = target.endpoint;
  const oids = selection.selected.filter(({ kind }) => kind === 'r' || kind === 'p').map(({ oid }) => oid);
  const forced = await source.query<Bound & Record<string, unknown>>(FORCED_SQL, [oids]);
  const asOwner = target.version >= 160000 && spec.schema.owners === 'keep';
  const applied = asOwner ? forced : [{ role: user, tables: forced.flatMap(({ tables }) => tables) }];
  const binds = await target.query<{ role: string }>(BINDS_SQL, [applied.map(({ role }) => role)]);
  const bound = new Set(binds.map(({ role }) => role));
  return tellBound(
    facts,
    applied.filter(({ role, tables }) => bound.has(role) && tables.length > 0),
  );
}

function tellBound({ target }: OnBoth, rows: Bound[]): Finding[] {
  const { end } = target.endpoint;
  const id = `${end}.privileges.row_security`;
  if (rows.length === 0)
    return [{ id, scope: end, verdict: 'ok', why: `No row-level security keeps changes from the ${end}.` }];
  return capFindings(
    rows.map(({ role, tables }) => ({
      id,
      scope: `${end}.role ${role}`,
      verdict: 'block',
      why: `Changes are applied on the ${end} as ${role}, whom row-level security binds there: the apply worker refuses ${listNames(tables)}.`,
      remedy: `ALTER ROLE ${escapeIdentifier(role)} BYPASSRLS; -- until the migration has ended; or, where it owns the tables, ALTER TABLE … NO FORCE ROW LEVEL SECURITY`,
    })),
  );
}
