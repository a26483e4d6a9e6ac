/** Who answers at an address: one server itself, a pooler in front of it, or several servers in turn. */
import pg from 'pg';
import type { Finding } from '../../contract/findings.js';
import type { Mode } from '../../contract/state.js';
import { messageOf } from '../classify-error.js';
import { clientConfig, describeEndpoint } from '../endpoint.js';
import type { Endpoint } from '../endpoint.js';
import { withSession } from '../session.js';
import type { Session, SessionOptions } from '../session.js';

/** What one session says of its server. */
interface Answer {
  pid: number;
  standby: boolean;
  address: string | null;
  port: string;
  started: string;
}

const WHO_SQL = `
  SELECT /* pgtrek: validate who answers */
    pg_backend_pid() AS pid,
    pg_is_in_recovery() AS standby,
    host(inet_server_addr()) AS address,
    current_setting('port') AS port,
    extract(epoch FROM pg_postmaster_start_time())::text AS started`;

// As long as a login may take: a pooler without a free server lets its clients wait for minutes.
const ANSWER_MS = 10_000;

export interface Door {
  answer: Answer;
  /** Whose backends several clients share, or each client has its own; undefined: the server itself. */
  pooler: 'shared' | 'own' | undefined;
}

/**
 * Asked before any session of ours is open: through a pooler that shares backends, its settings would hit the backends of others.
 * The key for cancelling, which a client gets when it logs in, names its backend, unless a pooler made it.
 */
export async function askWho(endpoint: Endpoint, { purpose }: SessionOptions): Promise<Door> {
  return withPlainClient(endpoint, purpose, async (client) => {
    const answer = await ask(client);
    if (answer.pid === keyOf(client)) return { answer, pooler: undefined };
    return withPlainClient(endpoint, purpose, async (other) => {
      const others = [(await ask(other)).pid];
      const ours = [answer.pid, (await ask(client)).pid];
      others.push((await ask(other)).pid);
      const shared =
        new Set(ours).size > 1 || new Set(others).size > 1 || ours.some((pid) => others.includes(pid));
      return { answer, pooler: shared ? 'shared' : 'own' };
    });
  });
}

async function ask(client: pg.Client): Promise<Answer> {
  const { rows } = await client.query<Answer>(WHO_SQL);
  if (!rows[0]) throw new Error('no row from validate who answers');
  return rows[0];
}

/** pg keeps it, and its types do not tell. */
function keyOf(client: pg.Client): number | undefined {
  return (client as unknown as { processID?: number }).processID;
}

async function withPlainClient<T>(
  endpoint: Endpoint,
  purpose: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ ...clientConfig(endpoint, purpose), query_timeout: ANSWER_MS });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Through it there is no session, no snapshot and no lock that lasts. */
export function tellShared(endpoint: Endpoint): Finding {
  const { end } = endpoint;
  return {
    ...findingOf(endpoint),
    verdict: 'block',
    why: `A pooler answers at ${describeEndpoint(endpoint)} (PgBouncer in transaction mode, RDS Proxy, pgcat…): statements of one session run in several backends, which others use as well, so that neither a snapshot nor a lock lasts. Nothing else of the ${end} was looked at.`,
    remedy: remedyOf(end),
  };
}

/** A backend for each session is enough for all but the slots, which need a replication connection. */
export async function tellOwn(endpoint: Endpoint, mode: Mode, options: SessionOptions): Promise<Finding> {
  const { end } = endpoint;
  const finding = { ...findingOf(endpoint), remedy: remedyOf(end) };
  const refused =
    end === 'source' && mode !== 'full-load' ? await refusedReplication(endpoint, options) : undefined;
  const who = `A pooler or proxy answers at ${describeEndpoint(endpoint)}, with a backend for each session`;
  if (refused === undefined) {
    const why = `${who}: it may end sessions that last as long as the load (server_lifetime, idle timeouts).`;
    return { ...finding, verdict: 'warn', why };
  }
  return {
    ...finding,
    verdict: 'block',
    why: `${who}, and it lets no replication connection through, which makes the slot: ${refused}.`,
  };
}

async function refusedReplication(endpoint: Endpoint, options: SessionOptions): Promise<string | undefined> {
  try {
    await withSession(endpoint, { ...options, replication: true }, (session) =>
      session.client.query('IDENTIFY_SYSTEM'),
    );
    return undefined;
  } catch (error) {
    options.signal?.throwIfAborted();
    return messageOf(error);
  }
}

function findingOf({ end }: Endpoint): Pick<Finding, 'id' | 'scope'> {
  return { id: `${end}.pooler`, scope: end };
}

function remedyOf(end: Endpoint['end']): string {
  return `Set ${end}.host and ${end}.port to the server itself, not to its pooler (RDS Proxy: the instance's or the cluster's writer endpoint).`;
}

/** An earlier session and this one must be of one server: a snapshot, a slot and a lock are. */
export async function tellServers(session: Session, first: Answer): Promise<Finding> {
  const second = await session.one<Answer & Record<string, unknown>>(WHO_SQL);
  const { endpoint } = session;
  const { end } = endpoint;
  const finding = { id: `${end}.one_server`, scope: end };
  if (first.started === second.started && first.standby === second.standby)
    return { ...finding, verdict: 'ok', why: `Two sessions of the ${end} are of one server.` };
  return {
    ...finding,
    verdict: 'block',
    why: `Two sessions of the ${describeEndpoint(endpoint)} are of two servers: ${describeAnswer(first)}, and ${describeAnswer(second)}. A snapshot, a slot and a lock are of one.`,
    remedy: `Set ${end}.host and ${end}.port to one server, the primary: no load balancer, no reader endpoint, no name with several addresses.`,
  };
}

function describeAnswer({ standby, address, port, started }: Answer): string {
  const since = new Date(Number(started) * 1000).toISOString();
  return `${standby ? 'a standby' : 'a primary'} at ${address ?? 'a socket'}:${port}, started ${since}`;
}
