/** What all runs share: two servers, the filled source database, the client tools. */
import { cpus, totalmem } from 'node:os';
import { rmSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatBytes, formatCount } from '../../cli/render/format.js';
import type { Belongings } from '../../dev/belongings.js';
import type { ClusterConnection } from '../../dev/cluster.js';
import { endWithProcess } from '../../dev/end-with-process.js';
import { makeOwnFolder, removeLeftFolders } from '../../dev/own-folder.js';
import type { ClientTools } from '../../postgres/client-tools.js';
import { buildBundle } from '../../workers/workflow-bundle.js';
import type { Progress } from '../progress.js';
import type { Row } from '../rows.js';
import { readFacts } from './facts.js';
import { fillSource } from './fill-source.js';
import { SERVER_SETTINGS, startServers } from './servers.js';
import type { Majors, Servers } from './servers.js';
import { query } from './sql.js';
import { JOBS } from './subject.js';

export interface Scene {
  servers: Servers;
  /** The filled database. */
  source: ClusterConnection;
  size: SourceSize;
  /** Of the source, with which every result is compared. */
  facts: string[];
  tools: ClientTools;
  /** Of this process: everything on disk is below it. */
  folder: string;
  /** Built once, as an installed pgtrek brings it along. */
  workflowBundle: string;
}

interface SourceSize {
  bytes: number;
  tables: number;
  rows: number;
}

export interface SceneOptions {
  majors: Majors;
  tools: ClientTools;
  scale: number;
  belongings: Belongings;
  progress: Progress;
}

const DATABASE = 'bench';

export async function openScene({
  majors,
  tools,
  scale,
  belongings,
  progress,
}: SceneOptions): Promise<Scene> {
  const folder = await openFolder(belongings);
  const workflowBundle = join(folder, 'workflows.bundle.js');
  await writeFile(workflowBundle, (await buildBundle()).code);
  const servers = await progress.step(
    `starting PostgreSQL ${majors.source} (source) and ${majors.target} (target)`,
    () => startServers(belongings, majors),
  );
  const source = servers.source.connection(DATABASE);
  await progress.step('filling the source database', async () => {
    await query(servers.source.connection(), `CREATE DATABASE ${DATABASE}`);
    await fillSource(source, { scale });
  });
  const size = await readSize(source);
  return { servers, source, size, facts: await readFacts(source), tools, folder, workflowBundle };
}

async function openFolder(belongings: Belongings): Promise<string> {
  await removeLeftFolders('bench', async () => undefined);
  const folder = await makeOwnFolder('bench', 'load');
  const forget = endWithProcess(() => rmSync(folder, { recursive: true, force: true }));
  return belongings.open(
    async () => folder,
    async () => {
      await rm(folder, { recursive: true, force: true });
      forget();
    },
  );
}

const SIZE_SQL = `
  SELECT pg_database_size(current_database())::float8 AS bytes, count(*)::int AS tables, sum(reltuples)::float8 AS rows
  FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`;

async function readSize(source: ClusterConnection): Promise<SourceSize> {
  const [size] = await query<SourceSize>(source, SIZE_SQL);
  if (!size) throw new Error('the size of the source database is not known');
  return size;
}

/** What a reader must know of the figures. */
export function describeScene({ servers, size, tools }: Scene): string[] {
  const settings = Object.entries(SERVER_SETTINGS).map(([name, value]) => `${name} ${value}`);
  return [
    `machine   ${cpus().length} cores, ${formatBytes(totalmem())} of memory, Node ${process.versions.node}`,
    `servers   PostgreSQL ${servers.source.major} to ${servers.target.major}, both on this machine`,
    `settings  ${settings.join(', ')}`,
    `data      ${formatBytes(size.bytes)} with indexes, ${formatCount(size.rows)} rows in ${size.tables} tables`,
    `clients   pg_dump and pg_restore ${tools.major}, ${JOBS} jobs everywhere`,
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
