/** How to reach one database, with the password resolved: lives in a worker's memory only. */
import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import type { ClientConfig } from 'pg';

export interface Endpoint {
  end: 'source' | 'target';
  host: string;
  port: number;
  database: string;
  user: string;
  password: string | undefined;
  tls: { mode: 'disable' | 'require' | 'verify-ca' | 'verify-full'; rootCert?: string | undefined };
}

/** How the target server's own libpq reaches the source. */
export type ReplicationEndpoint = Omit<Endpoint, 'end'>;

/** Both databases of a migration, and the observer of every tagged statement. */
export interface Servers {
  source: Endpoint;
  target: Endpoint;
  replication: ReplicationEndpoint;
  /** How the source server reaches the target; where the spec asks for the way back. */
  back?: ReplicationEndpoint | undefined;
  observer: Observer | undefined;
}

/**
 * Sees every tagged statement (`pgtrek: …` in its comment) and every child process before it starts and after it
 * ended. Tests end the worker here; nothing else uses it.
 */
export type Observer = (moment: 'before' | 'after', tag: string) => void | Promise<void>;

/** A name for messages: `source db1:5432/orders`. */
export function describeEndpoint({ end, host, port, database }: Endpoint): string {
  return `${end} ${host}:${port}/${database}`;
}

export function clientConfig(endpoint: Omit<Endpoint, 'end'>, applicationName: string): ClientConfig {
  const { host, port, database, user, password } = endpoint;
  return {
    host,
    port,
    database,
    user,
    ...(password === undefined ? {} : { password }),
    ssl: tlsOptions(endpoint),
    application_name: applicationName,
    // 10 s: longer than any healthy login, shorter than an operator's patience.
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    // Firewalls and NATs forget idle connections after some minutes.
    keepAliveInitialDelayMillis: 30_000,
  };
}

function tlsOptions({ tls, host }: Pick<Endpoint, 'tls' | 'host'>): ConnectionOptions | false {
  if (tls.mode === 'disable') return false;
  if (tls.mode === 'require') return { rejectUnauthorized: false };
  const ca = tls.rootCert === undefined ? {} : { ca: readFileSync(tls.rootCert, 'utf8') };
  if (tls.mode === 'verify-ca') return { ...ca, checkServerIdentity: () => undefined };
  return { ...ca, servername: host };
}

/** The environment of libpq for a child process: nothing secret is ever in its arguments. */
export function libpqEnvironment(endpoint: Endpoint, applicationName: string): Record<string, string> {
  const { host, port, database, user, password, tls } = endpoint;
  return {
    PGHOST: host,
    PGPORT: String(port),
    PGDATABASE: database,
    PGUSER: user,
    PGAPPNAME: applicationName,
    PGCONNECT_TIMEOUT: '10',
    PGSSLMODE: tls.mode,
    ...(tls.rootCert === undefined ? {} : { PGSSLROOTCERT: tls.rootCert }),
    ...(password === undefined ? {} : { PGPASSWORD: password }),
  };
}

/**
 * A libpq connection string for `CREATE SUBSCRIPTION`, whose values may hold any character. It is read by the target
 * server (`version`: its server_version_num), whose libpq can use its system's authorities from 16 on.
 */
export function connectionString(
  endpoint: ReplicationEndpoint,
  applicationName: string,
  version: number,
): string {
  const { host, port, database, user, password, tls } = endpoint;
  const authorities = tls.mode === 'verify-full' && version >= 160000 ? 'system' : undefined;
  const values: Record<string, string | undefined> = {
    host,
    port: String(port),
    dbname: database,
    user,
    password,
    sslmode: tls.mode,
    sslrootcert: tls.rootCert ?? authorities,
    application_name: applicationName,
    connect_timeout: '10',
    // A role that row-level security binds would copy a part of the rows; with this the server refuses instead.
    options: '-crow_security=off',
  };
  return Object.entries(values)
    .filter((entry): entry is [string, string] => entry[1] !== undefined)
    .map(([key, value]) => `${key}='${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`)
    .join(' ');
}
