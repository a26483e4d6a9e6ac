/** Two throw-away servers and a fresh database on both for each test. */
import assert from 'node:assert/strict';
import pg from 'pg';
import { parseSpec } from '../../contract/spec.js';
import type { Spec, SpecInput } from '../../contract/spec.js';
import type { Estimate, Finding, Validation } from '../../contract/findings.js';
import { startCluster } from '../../dev/cluster.js';
import type { Cluster, ClusterOptions } from '../../dev/cluster.js';
import type { Endpoint, Servers } from '../../postgres/endpoint.js';
import { validateServers } from '../../postgres/validate/index.js';

type End = 'source' | 'target';

export interface Databases {
  name: string;
  servers: Servers;
  /** Runs statements as superuser, in this database if no other is named. */
  run: (end: End, sql: string, database?: string) => Promise<Record<string, unknown>[]>;
  validate: (options?: ValidateOptions) => Promise<Finding[]>;
  estimate: (options?: ValidateOptions) => Promise<Estimate[]>;
}

export interface ValidateOptions {
  spec?: Partial<SpecInput>;
  source?: Partial<Endpoint>;
  target?: Partial<Endpoint>;
  replication?: Partial<Endpoint>;
  back?: Partial<Endpoint>;
  owner?: string;
}

export interface Pair {
  source: Cluster;
  target: Cluster;
  newDatabases: (options?: { source?: string; target?: string }) => Promise<Databases>;
  /** Drops them, with the roles, settings and slots that a test has made on both servers. */
  clear: (databases: Databases) => Promise<void>;
  remove: () => Promise<void>;
}

export async function startPair(options: { source: ClusterOptions; target: ClusterOptions }): Promise<Pair> {
  const clusters = { source: await startCluster(options.source), target: await startCluster(options.target) };
  let count = 0;
  return {
    ...clusters,
    async newDatabases(how = {}) {
      const name = `test_${(count += 1)}`;
      const ends = ['source', 'target'] as const;
      await Promise.all(
        ends.map((end) => runOn(clusters[end], 'postgres', `CREATE DATABASE ${name} ${how[end] ?? ''}`)),
      );
      return databasesOf(clusters, name);
    },
    async clear({ name }) {
      await Promise.all([clusters.source, clusters.target].map((cluster) => clearCluster(cluster, name)));
    },
    async remove() {
      await Promise.all([clusters.source.remove(), clusters.target.remove()]);
    },
  };
}

async function clearCluster(cluster: Cluster, database: string): Promise<void> {
  const list = async (sql: string) => (await runOn(cluster, 'postgres', sql)).map(({ item }) => String(item));
  const prepared = await list(
    `SELECT quote_literal(gid) AS item FROM pg_prepared_xacts WHERE database = '${database}'`,
  );
  for (const gid of prepared) await runOn(cluster, database, `ROLLBACK PREPARED ${gid}`);
  const slots = await list(`SELECT slot_name AS item FROM pg_replication_slots WHERE NOT active`);
  for (const slot of slots) await runOn(cluster, 'postgres', `SELECT pg_drop_replication_slot('${slot}')`);
  const subscriptions = await runOn(
    cluster,
    database,
    'SELECT quote_ident(subname) AS item FROM pg_subscription',
  );
  for (const { item } of subscriptions)
    await runOn(cluster, database, `ALTER SUBSCRIPTION ${String(item)} DISABLE`)
      .then(() => runOn(cluster, database, `ALTER SUBSCRIPTION ${String(item)} SET (slot_name = NONE)`))
      .then(() => runOn(cluster, database, `DROP SUBSCRIPTION ${String(item)}`));
  await runOn(cluster, 'postgres', `DROP DATABASE ${database} WITH (FORCE)`);
  const roles = await list(
    `SELECT quote_ident(rolname) AS item FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> 'postgres' ORDER BY oid DESC`,
  );
  for (const role of roles) await runOn(cluster, 'postgres', `DROP OWNED BY ${role}`);
  for (const role of roles) await runOn(cluster, 'postgres', `DROP ROLE ${role}`);
  await runOn(cluster, 'postgres', 'ALTER SYSTEM RESET ALL');
  await runOn(cluster, 'postgres', 'SELECT pg_reload_conf()');
}

function databasesOf(clusters: { source: Cluster; target: Cluster }, name: string): Databases {
  const endpoint = (end: End): Endpoint => ({
    end,
    ...clusters[end].connection(name),
    tls: { mode: 'disable' },
  });
  const servers: Servers = {
    source: endpoint('source'),
    target: endpoint('target'),
    replication: endpoint('source'),
    observer: undefined,
  };
  const validate = ({
    spec,
    source,
    target,
    replication,
    back,
    owner,
  }: ValidateOptions): Promise<Validation> =>
    validateServers({
      spec: specFor(servers, spec),
      servers: {
        source: { ...servers.source, ...source },
        target: { ...servers.target, ...target },
        replication: { ...servers.replication, ...replication },
        back: { ...endpoint('target'), ...target, ...back },
        observer: undefined,
      },
      owner,
    });
  return {
    name,
    servers,
    run: (end, sql, database = name) => runOn(clusters[end], database, sql),
    validate: async (options = {}) => (await validate(options)).findings,
    estimate: async (options = {}) => (await validate(options)).estimates,
  };
}

function specFor({ source, target }: Servers, changes: Partial<SpecInput> = {}): Spec {
  const connection = ({ host, port, database, user }: Endpoint) => ({ host, port, database, user });
  return parseSpec({ name: 'move-it', source: connection(source), target: connection(target), ...changes });
}

async function runOn(cluster: Cluster, database: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(cluster.connection(database));
  await client.connect();
  try {
    const result: unknown = await client.query(sql);
    const results = (Array.isArray(result) ? result : [result]) as pg.QueryResult<Record<string, unknown>>[];
    return results.at(-1)?.rows ?? [];
  } finally {
    await client.end();
  }
}

/** The findings of one id. */
export function findingsOf(findings: Finding[], id: string): Finding[] {
  return findings.filter((finding) => finding.id === id);
}

/** The only finding of an id, with this verdict, and words that its text must hold. */
export function assertFinding(
  findings: Finding[],
  expected: { id: string; verdict: Finding['verdict']; why?: RegExp; remedy?: RegExp; scope?: string },
): Finding {
  const { id, verdict, why, remedy, scope } = expected;
  const found = findingsOf(findings, id).filter((finding) => scope === undefined || finding.scope === scope);
  const [finding] = found;
  assert.ok(
    finding && found.length === 1,
    `one finding ${id}, not ${JSON.stringify(found)} of ${JSON.stringify(findings.map((f) => f.id))}`,
  );
  assert.equal(finding.verdict, verdict, JSON.stringify(finding));
  if (why) assert.match(finding.why, why);
  if (remedy) assert.match(finding.remedy ?? '', remedy);
  return finding;
}
