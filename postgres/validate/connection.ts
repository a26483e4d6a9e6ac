/** Can each server be reached, and is the login accepted? Tried once: what fails here is mended by a person. */
import type { Finding, Mode } from '../../contract/state.js';
import { millisecondsOf } from '../../contract/values.js';
import { messageOf, sqlState } from '../classify-error.js';
import { describeEndpoint } from '../endpoint.js';
import type { Endpoint } from '../endpoint.js';
import { openSession } from '../session.js';
import { askWho, tellOwn, tellServers, tellShared } from './pooler.js';
import type { Session, SessionOptions } from '../session.js';

export interface Connected {
  /** None where the server cannot be used. */
  session: Session | undefined;
  findings: Finding[];
}

// Whatever a check does by mistake, the server refuses to write.
const SERVER_SQL = `
  SELECT /* pgtrek: validate connection */
    current_setting('server_version') AS version,
    current_user::text AS "user",
    set_config('default_transaction_read_only', 'on', false),
    set_config('statement_timeout', $1, false),
    set_config('lock_timeout', $2, false)`;

// A lock of ordinary traffic is given back sooner, and half of the time is left to read.
const LOCK_TIMEOUT_MS = 2_000;

interface CheckOptions extends SessionOptions {
  /** Of each statement; a span of the spec. */
  checkTimeout: string;
}

export async function connect(
  endpoint: Endpoint,
  mode: Mode,
  { checkTimeout, ...options }: CheckOptions,
): Promise<Connected> {
  const id = `${endpoint.end}.connection`;
  const scope = endpoint.end;
  let session: Session | undefined;
  try {
    const { pooler, answer } = await askWho(endpoint, options);
    if (pooler === 'shared') return { session: undefined, findings: [tellShared(endpoint)] };
    session = await openSession(endpoint, options);
    const milliseconds = millisecondsOf(checkTimeout) ?? 0;
    const { version, user } = await session.one<{ version: string; user: string }>(SERVER_SQL, [
      `${milliseconds}ms`,
      `${Math.min(Math.ceil(milliseconds / 2), LOCK_TIMEOUT_MS)}ms`,
    ]);
    const why = `The ${describeEndpoint(endpoint)} answers: PostgreSQL ${version}, as user ${user}.`;
    const findings: Finding[] = [
      { id, scope, verdict: 'ok', why },
      ...(pooler ? [await tellOwn(endpoint, mode, options)] : []),
      await tellServers(session, answer),
    ];
    return { session, findings };
  } catch (error) {
    await session?.close();
    options.signal?.throwIfAborted();
    return {
      session: undefined,
      findings: [{ id, scope, verdict: 'block', ...explainRefusal(error, endpoint) }],
    };
  }
}

interface Told {
  why: string;
  remedy: string;
}

/** One clear sentence for each way in which a connection fails. */
function explainRefusal(error: unknown, endpoint: Endpoint): Told {
  const cause = firstCause(error);
  return (
    explainNetwork(cause, endpoint) ??
    explainTls(cause, endpoint) ??
    explainLogin(cause, endpoint) ?? {
      why: `The ${describeEndpoint(endpoint)} cannot be used: ${messageOf(cause)}`,
      remedy: `Try the same with psql "host=${endpoint.host} port=${endpoint.port} dbname=${endpoint.database} user=${endpoint.user}" on the worker's machine.`,
    }
  );
}

/** A name with several addresses fails with one error for each. */
function firstCause(error: unknown): unknown {
  return error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error;
}

function explainNetwork(error: unknown, { end, host, port }: Endpoint): Told | undefined {
  const code = codeOf(error);
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return {
      why: `The host name ${host} of the ${end} is not known to this worker (${code}).`,
      remedy: `Correct ${end}.host, or the worker's DNS.`,
    };
  }
  if (code === 'ECONNREFUSED') {
    return {
      why: `${host}:${port} refuses connections: no server of the ${end} listens there, or a firewall rejects them.`,
      remedy: `Correct ${end}.host and ${end}.port; let the server listen there (listen_addresses, port).`,
    };
  }
  const silent =
    code === 'ETIMEDOUT' ||
    code === 'EHOSTUNREACH' ||
    code === 'ENETUNREACH' ||
    /timeout/i.test(messageOf(error));
  if (!silent) return undefined;
  return {
    why: `${host}:${port} of the ${end} did not answer within 10 s (${messageOf(error)}).`,
    remedy: `Open port ${port} of ${host} for this worker: firewall, security group, network route.`,
  };
}

function explainTls(error: unknown, { end, host, tls }: Endpoint): Told | undefined {
  const message = messageOf(error);
  const code = codeOf(error) ?? '';
  if (/does not support SSL/.test(message)) {
    return {
      why: `The ${end} ${host} does not offer TLS, and ${end}.tls.mode is ${tls.mode}.`,
      remedy: `Switch TLS on there (ALTER SYSTEM SET ssl = on; with a certificate), or set ${end}.tls.mode: disable.`,
    };
  }
  if (code === 'ENOENT' || code === 'EACCES') {
    return {
      why: `The file of ${end}.tls.rootCert cannot be read: ${message}`,
      remedy: `Put the certificates there on every worker, or correct ${end}.tls.rootCert.`,
    };
  }
  if (!/CERT|_SIGNATURE|^ERR_TLS|^EPROTO/.test(code)) return undefined;
  return {
    why: `The certificate of the ${end} ${host} was refused with tls.mode ${tls.mode}: ${message} (${code}).`,
    remedy: `Give the server's certificate authority in ${end}.tls.rootCert, and in ${end}.host the name that the certificate holds.`,
  };
}

function explainLogin(error: unknown, { end, host, user, database, password }: Endpoint): Told | undefined {
  const state = sqlState(error);
  const message = messageOf(error);
  if (/password must be a (non-empty )?string/.test(message)) {
    return {
      why: `The ${end} asks for a password of ${user}, and ${password === undefined ? 'none is given' : 'the one given is empty'}.`,
      remedy: `Set ${end}.password: { env: NAME } or { file: path }.`,
    };
  }
  if (state === '28P01') {
    return {
      why: `The ${end} refused the password of ${user}, or has no such role (28P01).`,
      remedy: `Correct ${end}.user, or what ${end}.password refers to.`,
    };
  }
  if (state?.startsWith('28')) {
    return {
      why: `The ${end} does not let ${user} in: ${message} (${state}).`,
      remedy: `Allow this worker in pg_hba.conf of ${host} for ${user} and ${database}, give the role LOGIN, or mend ${end}.tls.`,
    };
  }
  if (state === '3D000') {
    return {
      why: `The ${end} ${host} has no database ${database} (3D000).`,
      remedy: end === 'target' ? `CREATE DATABASE ${database};` : `Correct source.database.`,
    };
  }
  if (state !== '42501') return undefined;
  return {
    why: `The ${end} says: ${message} (42501).`,
    remedy: `GRANT CONNECT ON DATABASE ${database} TO ${user};`,
  };
}

function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}
