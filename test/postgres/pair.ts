/** Two throw-away servers and a fresh database on both for each test. */
import assert from 'node:assert/strict';
import pg from 'pg';
import { parseSpec } from '../../contract/spec.js';
import type { Spec, SpecInput } from '../../contract/spec.js';
import type { Finding } from '../../contract/state.js';
import { startCluster } from '../../dev/cluster.js';
import type { Cluster, ClusterOptions } from '../../dev/cluster.js';
import type { Endpoint, Servers } from '../../postgres/endpoint.js';
import { validateServers } from '../../postgres/validate/index.js';

type End = 'source' | 'target';

export interface Databases {
  name: string;
  servers: Servers;
  /** Runs statements as superuser. */
  run: (end: End, sql: string) => Promise<Record<string, unknown>[]>;
  validate: (options?: ValidateOptions) => Promise<Finding[]>;
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
  remove: () => Promise<void>;
}

export async function startPair(options: { source: ClusterOptions; target: ClusterOptions }): Promise<Pair> {
  const clusters = { source: await startCluster(options.source), target: await startCluster(options.target) };
  let count = 0;
  return {
    ...clusters,
    async newDatabases(how = {}) {
      const name = `test_${(count += 1)}`;
      for (const end of ['source', 'target'] as const) {
        await runOn(clusters[end], 'postgres', `CREATE DATABASE ${name} ${how[end] ?? ''}`);
      }
      return databasesOf(clusters, name);
    },
    async remove() {
      await Promise.all([clusters.source.remove(), clusters.target.remove()]);
    },
  };
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
  return {
    name,
    servers,
    run: (end, sql) => runOn(clusters[end], name, sql),
    validate: ({ spec, source, target, replication, back, owner } = {}) =>
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
      }),
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
