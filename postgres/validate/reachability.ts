/** Can the server that subscribes log in to the other one? Tried with a subscription that is rolled back. */
import { laneName } from '../../contract/names.js';
import type { Finding } from '../../contract/state.js';
import { connectionString } from '../endpoint.js';
import type { ReplicationEndpoint } from '../endpoint.js';
import { purposeOf } from '../purpose.js';
import type { Session } from '../session.js';
import type { OnTarget } from './check.js';
import { subscribeId } from './target-privileges.js';

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
  const { replication } = servers;
  const ends = { from: servers.source.end, at: target.endpoint.end };
  // From 16 on CREATE on the database is needed, too.
  if (isBlocked(subscribeId(target.endpoint)) || isBlocked(`${ends.at}.privileges.create`)) return [];
  // What keeps the worker out of there would be told a second time.
  if (isBlocked(`${ends.from}.connection`) && isSameLogin(replication, servers.source)) return [];
  const name = laneName(spec.name, 0).replace(/0$/, 'probe');
  // The later of two options counts.
  const connection = `${connectionString(replication, purposeOf(spec.name, owner, 'validate'), target.version)} options='-c${ACCEPTED}=on'`;
  const refusal = await probe(target, name, connection);
  const finding = { id: `${ends.at}.reaches_${ends.from}`, scope: ends.at };
  const where = `${replication.host}:${replication.port}/${replication.database}`;
  // A pooler refuses an option that it does not know before it logs in anywhere.
  if (refusal.includes(ACCEPTED) && !/unsupported startup parameter/.test(refusal)) {
    return [
      {
        ...finding,
        verdict: 'ok',
        why: `The ${ends.at} server reaches the ${ends.from} at ${where} as ${replication.user}.`,
      },
    ];
  }
  // That the role may not replicate is told already.
  if (MAY_NOT_REPLICATE.test(refusal) && isBlocked(`${ends.from}.privileges.replication`)) return [];
  return [
    {
      ...finding,
      verdict: 'block',
      ...explainRefusal(withoutPassword(refusal, replication), { ...replication, ...ends }),
    },
  ];
}

const MAY_NOT_REPLICATE = /must be superuser or replication role|permission denied to start WAL sender/;

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

/** How the server `at` one end reaches that of the other. */
interface Way extends ReplicationEndpoint {
  from: 'source' | 'target';
  at: 'source' | 'target';
}

interface Cause {
  pattern: RegExp;
  what: (way: Way) => string;
  remedy: (way: Way) => string;
}

/** The first that matches what libpq says is told. */
const CAUSES: Cause[] = [
  {
    // Of the server that subscribes: what the other one says follows its address.
    pattern: /^permission denied for database/,
    what: ({ at }) => `The ${at} lets ${at}.user create no subscription`,
    remedy: ({ at }) => `Grant ${at}.user CREATE on the ${at}'s database.`,
  },
  {
    pattern: /could not translate host name/,
    what: ({ host, from, at }) => `The ${at} server does not know the ${from}'s host ${host}`,
    remedy: ({ from, at }) =>
      `Set ${from}.replication.host to a name or address that the ${at} server resolves.`,
  },
  {
    pattern:
      /password authentication failed|no password supplied|no pg_hba\.conf entry|role .* does not exist|not permitted|permission denied|must be superuser or replication role/,
    what: ({ user, from, at }) => `The ${from} refuses the login of ${user} from the ${at} server`,
    remedy: ({ user, database, from, at }) =>
      `Correct ${from}.replication.user and password, or allow ${user} from the ${at}'s address to ${database} in pg_hba.conf of the ${from}.`,
  },
  {
    pattern: /database .* does not exist/,
    what: ({ host, port, at }) => `At ${host}:${port}, as the ${at} server sees it, there is another server`,
    remedy: ({ from, at }) =>
      `Set ${from}.replication.host and port to what the ${at} server reaches the ${from} by.`,
  },
  {
    pattern: /SSL|TLS|certificate|root\.crt/i,
    what: ({ from, at }) => `The ${at} server and the ${from} do not agree on TLS`,
    remedy: ({ from, at }) =>
      `Set ${from}.replication.tls: mode, and rootCert as a path on the ${at} server.`,
  },
  {
    pattern: /password is required|must use a password|Non-superuser/i,
    what: ({ from, at }) =>
      `The ${from} did not ask the subscription for its password, as a non-superuser of the ${at} must be`,
    remedy: ({ user, from }) => `Ask ${user} for the password (scram-sha-256) in pg_hba.conf of the ${from}.`,
  },
  {
    pattern: /refused|timed? ?out|timeout|unreachable|No route/i,
    what: ({ host, port, from, at }) => `The ${at} server cannot reach the ${from} at ${host}:${port}`,
    remedy: ({ host, port, from, at }) =>
      `Open port ${port} of ${host} for the ${at} server (firewall, security group, listen_addresses), or set ${from}.replication to an address that it reaches.`,
  },
  {
    pattern: /(?:)/,
    what: ({ host, port, from, at }) => `The ${at} server cannot subscribe to the ${from} at ${host}:${port}`,
    remedy: ({ from }) => `Mend what the message names, or set ${from}.replication.`,
  },
];

function explainRefusal(refusal: string, way: Way): Pick<Finding, 'why' | 'remedy'> {
  const told = refusal
    .replace(/^(subscription "[^"]*" )?could not connect to the publisher: /, '')
    .replaceAll(/\s+/g, ' ');
  const cause = CAUSES.find(({ pattern }) => pattern.test(refusal));
  return {
    why: `${cause?.what(way) ?? ''}: ${told.trim()}`,
    remedy: cause?.remedy(way) ?? '',
  };
}
