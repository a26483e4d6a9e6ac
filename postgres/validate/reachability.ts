/** Can the target server log in to the source? Tried with a subscription that is rolled back. */
import { laneName } from '../../contract/names.js';
import type { Finding } from '../../contract/state.js';
import { connectionString } from '../endpoint.js';
import type { ReplicationEndpoint } from '../endpoint.js';
import { purposeOf } from '../purpose.js';
import type { Session } from '../session.js';
import type { OnTarget } from './check.js';
import { SUBSCRIBE_ID } from './target-privileges.js';

// CREATE SUBSCRIPTION ignores connect_timeout (the server connects asynchronously), so the statement is limited.
const SECONDS = 15;

const SETTINGS_SQL = `
  SELECT set_config('pgtrek.name', $1, true), set_config('pgtrek.connection', $2, true),
    set_config('statement_timeout', $3, true)`;

/**
 * In a block that catches the error and takes the connection string from a setting, so that neither log_statement = ddl
 * nor the log of failed statements holds the password.
 */
const PROBE_SQL = `
  DO /* pgtrek: validate probe */ $probe$
  BEGIN
    PERFORM set_config('pgtrek.refusal', '', true);
    EXECUTE format(
      'CREATE SUBSCRIPTION %I CONNECTION %L PUBLICATION %I
       WITH (connect = true, enabled = false, create_slot = false, slot_name = NONE, copy_data = false)',
      current_setting('pgtrek.name'), current_setting('pgtrek.connection'), current_setting('pgtrek.name'));
  EXCEPTION
    WHEN query_canceled THEN PERFORM set_config('pgtrek.refusal', 'timeout expired', true);
    WHEN OTHERS THEN PERFORM set_config('pgtrek.refusal', SQLERRM, true);
  END
  $probe$`;

/**
 * Makes the source end the login right after it accepted it: an unknown parameter is looked at after password, database
 * and REPLICATION. Without this the statement would go on to warn that the publication is missing, and the target's log
 * shows a warning of PL/pgSQL with its whole statement, the password included.
 */
const ACCEPTED = 'pgtrek_validate_reached_this_server';

const REFUSAL_SQL = `SELECT current_setting('pgtrek.refusal') AS refusal`;

export async function checkReachability({
  target,
  servers,
  spec,
  owner,
  found,
}: OnTarget): Promise<Finding[]> {
  const isBlocked = (check: string) => found.some(({ id, verdict }) => id === check && verdict === 'block');
  if (isBlocked(SUBSCRIBE_ID)) return [];
  const { replication } = servers;
  // What keeps the worker out of the source would be told a second time.
  if (isBlocked('source.connection') && isSameLogin(replication, servers.source)) return [];
  const name = laneName(spec.name, 0).replace(/0$/, 'probe');
  // The later of two options counts.
  const connection = `${connectionString(replication, purposeOf(spec.name, owner, 'validate'), target.version)} options='-c${ACCEPTED}=on'`;
  const refusal = await probe(target, name, connection);
  const finding = { id: 'target.reaches_source', scope: 'target' };
  const where = `${replication.host}:${replication.port}/${replication.database}`;
  // A pooler refuses an option that it does not know before it logs in anywhere.
  if (refusal.includes(ACCEPTED) && !/unsupported startup parameter/.test(refusal)) {
    return [
      {
        ...finding,
        verdict: 'ok',
        why: `The target server reaches the source at ${where} as ${replication.user}.`,
      },
    ];
  }
  return [
    { ...finding, verdict: 'block', ...explainRefusal(withoutPassword(refusal, replication), replication) },
  ];
}

function isSameLogin(one: ReplicationEndpoint, other: ReplicationEndpoint): boolean {
  return (['host', 'port', 'database', 'user', 'password'] as const).every((key) => one[key] === other[key]);
}

async function probe(target: Session, name: string, connection: string): Promise<string> {
  await target.client.query('BEGIN READ WRITE');
  try {
    await target.query(SETTINGS_SQL, [name, connection, `${SECONDS}s`]);
    await target.query(PROBE_SQL);
    return (await target.one<{ refusal: string }>(REFUSAL_SQL)).refusal;
  } finally {
    // The connection may be what failed; the server then rolls back by itself.
    await target.client.query('ROLLBACK').catch(() => undefined);
  }
}

function withoutPassword(text: string, { password }: ReplicationEndpoint): string {
  return password === undefined || password === '' ? text : text.replaceAll(password, '…');
}

interface Cause {
  pattern: RegExp;
  what: (source: ReplicationEndpoint) => string;
  remedy: (source: ReplicationEndpoint) => string;
}

/** The first that matches the target's libpq is told. */
const CAUSES: Cause[] = [
  {
    pattern: /could not translate host name/,
    what: ({ host }) => `The target server does not know the source's host ${host}`,
    remedy: () => 'Set source.replication.host to a name or address that the target server resolves.',
  },
  {
    pattern:
      /password authentication failed|no password supplied|no pg_hba\.conf entry|role .* does not exist|not permitted|permission denied|must be superuser or replication role/,
    what: ({ user }) => `The source refuses the login of ${user} from the target server`,
    remedy: ({ user, database }) =>
      `Correct source.replication.user and password, or allow ${user} from the target's address to ${database} in pg_hba.conf of the source.`,
  },
  {
    pattern: /database .* does not exist/,
    what: ({ host, port }) => `At ${host}:${port}, as the target server sees it, there is another server`,
    remedy: () => 'Set source.replication.host and port to what the target server reaches the source by.',
  },
  {
    pattern: /SSL|TLS|certificate|root\.crt/i,
    what: () => 'The target server and the source do not agree on TLS',
    remedy: () => 'Set source.replication.tls: mode, and rootCert as a path on the target server.',
  },
  {
    pattern: /password is required|must use a password|Non-superuser/i,
    what: () =>
      'The source did not ask the subscription for its password, as a non-superuser of the target must be',
    remedy: ({ user }) => `Ask ${user} for the password (scram-sha-256) in pg_hba.conf of the source.`,
  },
  {
    pattern: /refused|timed? ?out|timeout|unreachable|No route/i,
    what: ({ host, port }) => `The target server cannot reach the source at ${host}:${port}`,
    remedy: ({ host, port }) =>
      `Open port ${port} of ${host} for the target server (firewall, security group, listen_addresses), or set source.replication to an address that it reaches.`,
  },
  {
    pattern: /(?:)/,
    what: ({ host, port }) => `The target server cannot subscribe to the source at ${host}:${port}`,
    remedy: () => 'Mend what the message names, or set source.replication.',
  },
];

function explainRefusal(refusal: string, replication: ReplicationEndpoint): Pick<Finding, 'why' | 'remedy'> {
  const told = refusal
    .replace(/^(subscription "[^"]*" )?could not connect to the publisher: /, '')
    .replaceAll(/\s+/g, ' ');
  const cause = CAUSES.find(({ pattern }) => pattern.test(refusal));
  return {
    why: `${cause?.what(replication) ?? ''}: ${told.trim()}`,
    remedy: cause?.remedy(replication) ?? '',
  };
}
