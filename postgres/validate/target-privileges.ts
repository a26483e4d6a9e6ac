/** What the target's role may do: create what is restored, and subscribe. */
import { escapeIdentifier } from 'pg';
import type { Finding } from '../../contract/state.js';
import type { Endpoint } from '../endpoint.js';
import type { OnBoth, OnTarget } from './check.js';
import { capFindings } from './check.js';
import { isRds } from './parameter.js';

const CREATE_SQL = `
  SELECT /* pgtrek: validate target create */
    has_database_privilege(current_database(), 'CREATE') AS allowed,
    format('GRANT CREATE ON DATABASE %I TO %I;', current_database(), current_user) AS remedy`;

export async function checkTargetCreate({ target }: OnTarget): Promise<Finding[]> {
  const { allowed, remedy } = await target.one<{ allowed: boolean; remedy: string }>(CREATE_SQL);
  const { user, database } = target.endpoint;
  const finding = { id: 'target.privileges.create', scope: 'target' };
  if (allowed)
    return [{ ...finding, verdict: 'ok', why: `${user} may create in database ${database} of the target.` }];
  const why = `Role ${user} has no CREATE on database ${database} of the target: it can make no schema there.`;
  return [{ ...finding, verdict: 'block', why, remedy }];
}

// The owner that an object gets needs CREATE in its schema too, unless a superuser gives it away. In 15 and later
// nobody but the database's owner has it in a new database's schema public.
const SCHEMAS_SQL = `
  SELECT /* pgtrek: validate target schemas */
    n.nspname::text AS schema,
    w.role,
    format('GRANT CREATE ON SCHEMA %I TO %I;', n.nspname, w.role) AS remedy
  FROM unnest($1::text[], $2::text[]) AS w (schema, role)
  JOIN pg_namespace n ON n.nspname = w.schema
  JOIN pg_roles r ON r.rolname = w.role
  WHERE NOT has_schema_privilege(r.oid, n.oid, 'CREATE')
    AND (w.role = current_user OR NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user))
  ORDER BY 1, 2`;

export async function checkTargetSchemas({ target, selection, spec }: OnBoth): Promise<Finding[]> {
  const { user } = target.endpoint;
  const wanted = new Map<string, { schema: string; role: string }>();
  for (const { schema, owner } of selection.selected) {
    const roles = spec.schema.owners === 'keep' ? [user, owner] : [user];
    for (const role of roles) wanted.set(JSON.stringify([schema, role]), { schema, role });
  }
  const pairs = [...wanted.values()];
  const rows = await target.query<{ schema: string; role: string; remedy: string }>(SCHEMAS_SQL, [
    pairs.map(({ schema }) => schema),
    pairs.map(({ role }) => role),
  ]);
  return capFindings(
    rows.map(({ schema, role, remedy }) => ({
      id: 'target.privileges.schema',
      scope: `target.schema ${schema}`,
      verdict: 'block',
      why:
        role === user
          ? `Role ${role} has no CREATE on the target's schema ${schema}, where objects are restored.`
          : `Role ${role}, owner of objects in ${schema}, has no CREATE on the target's schema ${schema}; ${user} is no superuser and cannot give them to it.`,
      remedy,
    })),
  );
}

// pg_create_subscription exists since 16.
const SUBSCRIBE_SQL = `
  SELECT /* pgtrek: validate subscribe */
    rolsuper AS super,
    EXISTS (
      SELECT FROM pg_roles g
      WHERE g.rolname IN ('rds_superuser', 'pg_create_subscription') AND pg_has_role(g.oid, 'USAGE')
    ) AS granted
  FROM pg_roles WHERE rolname = current_user`;

export function subscribeId({ end }: Endpoint): string {
  return `${end}.privileges.subscribe`;
}

export async function checkSubscribe({ target, servers }: OnTarget): Promise<Finding[]> {
  const { user, end } = target.endpoint;
  const row = await target.one<{ super: boolean; granted: boolean }>(SUBSCRIBE_SQL);
  const finding = { id: subscribeId(target.endpoint), scope: end };
  if (!row.super && !row.granted) {
    const why = `Role ${user} of the ${end} may not create subscriptions.`;
    return [{ ...finding, verdict: 'block', why, remedy: await subscribeRemedy(target) }];
  }
  if (!row.super && servers.replication.password === undefined) {
    const why = `Role ${user} of the ${end} is no superuser: its subscription must log in to the ${servers.source.end} with a password, and none is given.`;
    const remedy = `Set ${servers.source.end}.replication.password: { env: NAME }.`;
    return [{ ...finding, verdict: 'block', why, remedy }];
  }
  return [{ ...finding, verdict: 'ok', why: `${user} may create a subscription on the ${end}.` }];
}

async function subscribeRemedy(target: OnTarget['target']): Promise<string> {
  const role = escapeIdentifier(target.endpoint.user);
  if (target.version >= 160000) return `GRANT pg_create_subscription TO ${role};`;
  if (await isRds(target)) return `GRANT rds_superuser TO ${role};`;
  return `ALTER ROLE ${role} SUPERUSER; -- before PostgreSQL 16 nothing less allows it`;
}

// With a duration of 0 every statement is logged, too; ours that has the password takes less than a millisecond.
const LOG_SQL = `
  SELECT /* pgtrek: validate log statement */ name, setting
  FROM pg_settings
  WHERE name = 'log_statement' AND setting = 'all' OR name = 'log_min_duration_statement' AND setting = '0'
  ORDER BY 1 DESC`;

export async function checkLogStatement({ target }: OnTarget): Promise<Finding[]> {
  const [logging] = await target.query<{ name: string; setting: string }>(LOG_SQL);
  const { user, database, end } = target.endpoint;
  const finding = { id: `${end}.log_statement`, scope: end };
  // The statement itself is run inside a DO block; only the parameters of all statements hold the password.
  if (!logging) return [{ ...finding, verdict: 'ok', why: `The ${end}'s log will hold no password.` }];
  const { name, setting } = logging;
  const where = `${escapeIdentifier(user)} IN DATABASE ${escapeIdentifier(database)}`;
  return [
    {
      ...finding,
      verdict: 'warn',
      why: `${name} of the ${end} is ${setting}: its log will hold the replication user's password, a parameter of pgtrek's.`,
      remedy: `ALTER ROLE ${where} SET ${name} = ${name === 'log_statement' ? 'none' : '-1'}; -- as superuser; or change that password after the migration`,
    },
  ];
}
