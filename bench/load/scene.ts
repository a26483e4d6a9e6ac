/** The filled source database of one case, between the servers that all cases share. */
import { cpus, totalmem } from 'node:os';
import { formatBytes, formatCount, formatMany } from '../../cli/render/format.js';
import type { ClusterConnection } from '../../dev/cluster.js';
import type { Progress } from '../progress.js';
import type { Row } from '../rows.js';
import type { DataSet } from './data-set.js';
import { readFacts } from './facts.js';
import { fillSource } from './fill-source.js';
import { makeWal } from './make-wal.js';
import { SERVER_SETTINGS } from './servers.js';
import { query } from './sql.js';
import type { Stage } from './stage.js';
import { JOBS } from './subject.js';

export interface Scene extends Stage {
  /** The filled database. */
  source: ClusterConnection;
  size: SourceSize;
  /** Of the source, with which every result is compared. */
  facts: string[];
}

interface SourceSize {
  bytes: number;
  tables: number;
  rows: number;
}

export interface SceneOptions {
  dataSet: DataSet;
  scale: number;
  progress: Progress;
}

const DATABASE = 'bench';

/** In place of the case before. */
export async function openScene(stage: Stage, { dataSet, scale, progress }: SceneOptions): Promise<Scene> {
  const cluster = stage.servers.source;
  const source = cluster.connection(DATABASE);
  await progress.step(`filling the source database: ${dataSet.name}`, async () => {
    await query(cluster.connection(), `DROP DATABASE IF EXISTS ${DATABASE} WITH (FORCE)`);
    await query(cluster.connection(), `CREATE DATABASE ${DATABASE}`);
    await fillSource(source, { dataSet, scale });
  });
  const size = await readSize(source);
  await makeWal(stage.servers.target, { sourceBytes: size.bytes });
  return { ...stage, source, size, facts: await readFacts(source) };
}

const SIZE_SQL = `
  SELECT pg_database_size(current_database())::float8 AS bytes, count(*)::int AS tables, sum(reltuples)::float8 AS rows
  FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`;

async function readSize(source: ClusterConnection): Promise<SourceSize> {
  const [size] = await query<SourceSize>(source, SIZE_SQL);
  if (!size) throw new Error('the size of the source database is not known');
  return size;
}

/** `1.5 GB with indexes, 6,082,294 rows in 45 tables` */
export function describeSize({ size }: Scene): string {
  return `${formatBytes(size.bytes)} with indexes, ${formatCount(Math.round(size.rows))} rows in ${formatMany(size.tables, 'table')}`;
}

/** What a reader must know of the figures. */
export function describeScene(scene: Scene): string[] {
  const { servers, tools, peers } = scene;
  const settings = Object.entries(SERVER_SETTINGS).map(([name, value]) => `${name} ${value}`);
  return [
    `machine   ${cpus().length} cores, ${formatBytes(totalmem())} of memory, Node ${process.versions.node}`,
    `servers   PostgreSQL ${servers.source.major} to ${servers.target.major}, both on this machine`,
    `settings  ${settings.join(', ')}`,
    `data      ${describeSize(scene)}`,
    `clients   ${[`pg_dump and pg_restore ${tools.major}`, ...peers].join(', ')}; ${JOBS} jobs everywhere`,
  ];
}

export function rowsOfScene({ servers, size }: Scene): Pick<Row, 'subject' | 'metric' | 'value' | 'unit'>[] {
  return [
    { subject: 'machine', metric: 'cores', value: cpus().length, unit: 'cores' },
    { subject: 'machine', metric: 'memory', value: totalmem(), unit: 'bytes' },
    { subject: 'source', metric: 'server-major', value: servers.source.major, unit: 'major' },
    { subject: 'target', metric: 'server-major', value: servers.target.major, unit: 'major' },
    { subject: 'source', metric: 'size', value: size.bytes, unit: 'bytes' },
    { subject: 'source', metric: 'tables', value: size.tables, unit: 'tables' },
    { subject: 'source', metric: 'rows', value: size.rows, unit: 'rows' },
  ];
}
