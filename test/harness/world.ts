/** What an end-to-end test runs in: a Temporal server, a source and a target cluster, real all of them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { startCluster } from '../../dev/cluster.js';
import type { Cluster } from '../../dev/cluster.js';
import { fillSample } from '../../dev/sample.js';
import { startTemporalServer } from '../../dev/temporal-server.js';
import type { TemporalServer, TemporalServerOptions } from '../../dev/temporal-server.js';
import { workflowCode } from './cache.js';

export interface World {
  /** A test that ends it puts the next one here. */
  temporal: TemporalServer;
  source: Cluster;
  target: Cluster;
  /** Workers' files: bundle, dumps, logs. */
  folder: string;
  bundle: string;
  close: () => Promise<void>;
}

export interface WorldOptions {
  /** Workers that die are missed after 6 to 20 s instead of 10 to 60: for tests that wait for it often. */
  impatient?: boolean;
  /** More arguments of the Temporal dev server. */
  temporalArgs?: string[];
  /** Its Web UI; port and file of a server that outlives a crash. */
  temporal?: Pick<TemporalServerOptions, 'ui' | 'port' | 'dbFile'>;
  sourceMajor?: number;
  targetMajor?: number;
  sourceSettings?: Record<string, string>;
  targetSettings?: Record<string, string>;
}

/** The template that createDatabases clones: filled once. */
const TEMPLATE = 'sample';

export async function openWorld(options: WorldOptions = {}): Promise<World> {
  const folder = await mkdtemp(path.join(tmpdir(), 'pgtrek-test-'));
  const [bundle, temporal, source, target] = await Promise.all([
    workflowCode({ impatient: options.impatient ?? false }),
    startTemporalServer({ ...options.temporal, extraArgs: options.temporalArgs ?? [] }),
    startCluster({
      major: options.sourceMajor ?? 15,
      ...(options.sourceSettings ? { settings: options.sourceSettings } : {}),
    }),
    startCluster({
      major: options.targetMajor ?? 18,
      ...(options.targetSettings ? { settings: options.targetSettings } : {}),
    }),
  ]);
  await query(source.connection('postgres'), `CREATE DATABASE ${TEMPLATE}`);
  await fillSample(source.connection(TEMPLATE));
  const world: World = {
    temporal,
    source,
    target,
    folder,
    bundle,
    async close() {
      await Promise.all([world.temporal.stop(), source.remove(), target.remove()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
  return world;
}

export interface Databases {
  source: pg.ClientConfig;
  target: pg.ClientConfig;
}

/** A source database with the sample in it, and an empty target database, both named after the migration. */
export async function createDatabases(world: World, name: string, template = TEMPLATE): Promise<Databases> {
  const database = name.replaceAll('-', '_');
  await query(world.source.connection('postgres'), `CREATE DATABASE ${database} TEMPLATE ${template}`);
  await query(world.target.connection('postgres'), `CREATE DATABASE ${database}`);
  return { source: world.source.connection(database), target: world.target.connection(database) };
}

export async function query<Row extends pg.QueryResultRow = pg.QueryResultRow>(
  config: pg.ClientConfig,
  sql: string,
  values?: unknown[],
): Promise<Row[]> {
  const client = new pg.Client(config);
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Row>(sql, values)).rows;
  } finally {
    await client.end();
  }
}
