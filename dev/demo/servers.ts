import { Connection } from '@temporalio/client';
import { connect } from '../../client/index.js';
import type { Pgtrek, SpecInput } from '../../client/index.js';
import { findClientTools } from '../../postgres/client-tools.js';
import { embeddedMajors, startCluster } from '../cluster.js';
import type { Cluster, ClusterConnection } from '../cluster.js';
import { withSession } from '../oracle/session.js';
import { startTemporalServer } from '../temporal-server.js';
import type { TemporalServer } from '../temporal-server.js';
import type { Belongings } from '../belongings.js';

export const DATABASE = 'dvdrental';

export interface Majors {
  source: number;
  target: number;
}

export interface DemoServers {
  temporal: TemporalServer;
  source: Cluster;
  target: Cluster;
}

/** No tools are of this major: the newest that there are are taken. */
const NEWEST = Number.POSITIVE_INFINITY;

/** The target is the newest there is; pg_dump cannot read a source that is newer than itself. */
export async function chooseMajors(): Promise<Majors> {
  const majors = embeddedMajors();
  const { major: tools } = await findClientTools(NEWEST);
  const source = majors.filter((major) => major <= tools).at(-1);
  const target = majors.at(-1);
  if (source === undefined || target === undefined) {
    throw new Error(
      `pg_dump ${tools} cannot read any embedded PostgreSQL (here: ${majors.join(', ') || 'none'}): run npm run setup`,
    );
  }
  return { source, target };
}

export async function startServers(belongings: Belongings, majors: Majors): Promise<DemoServers> {
  const start = (name: 'source' | 'target') =>
    belongings.open(
      () => startCluster({ major: majors[name], name }),
      (cluster) => cluster.remove(),
    );
  const [temporal, source, target] = await Promise.all([
    belongings.open(
      () => startTemporalServer({ ui: true }),
      (server) => server.stop(),
    ),
    start('source'),
    start('target'),
  ]);
  await createDatabase(source, DATABASE);
  await createDatabase(target, DATABASE);
  return { temporal, source, target };
}

export async function createDatabase(cluster: Cluster, name: string): Promise<void> {
  await withSession(cluster.connection(), (client) => client.query(`CREATE DATABASE ${name}`));
}

/** Not by the caller's TEMPORAL_* variables and configuration file, which name another server. */
export async function connectTo(belongings: Belongings, { temporal }: DemoServers): Promise<Pgtrek> {
  const { address, namespace } = temporal;
  const connection = await belongings.open(
    () => Connection.connect({ address }),
    (opened) => opened.close(),
  );
  return connect({ connection, address, namespace });
}

/** Both ends are throw-away clusters on the loopback interface, without TLS. */
export function specFor({ source, target }: DemoServers, stopAt: Date): SpecInput {
  const endOf = ({ host, port, user, database }: ClusterConnection, password: string) => ({
    host,
    port,
    database,
    user,
    password: { env: password },
    tls: { mode: 'disable' as const },
  });
  return {
    name: DATABASE,
    mode: 'full-load-and-cdc',
    source: endOf(source.connection(DATABASE), 'SOURCE_PASSWORD'),
    target: endOf(target.connection(DATABASE), 'TARGET_PASSWORD'),
    cdc: { stop: { at: stopAt.toISOString(), then: 'finish' } },
  };
}

/** For psql. */
export function connectionUrl({ host, port, user, password, database }: ClusterConnection): string {
  return `postgresql://${user}:${password}@${host}:${port}/${database}`;
}
