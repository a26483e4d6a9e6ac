/** The seed's way: the rows travel by `pg_dump --format=directory` over a worker's disk. */
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { DataDump } from '../../contract/activities.js';
import type { LaneName } from '../../contract/names.js';
import { PgtrekError } from '../../contract/errors.js';
import { findClientTools } from '../client-tools.js';
import { withSource, withTarget, workFolder } from '../job.js';
import type { Job } from '../job.js';
import { runTool } from '../run-tool.js';
import { readRelations, selectRelations } from '../selection.js';
import type { Session } from '../session.js';
import { endBackends, takeOver } from '../take-over.js';
import { toolsOfArchive } from './restore-section.js';
import { dumpArguments, exactPattern } from './dump-schema.js';

/** Written beside its final name and renamed when complete: a folder of the final name is a complete dump. */
export async function dumpData(job: Job): Promise<DataDump> {
  const parent = workFolder(job);
  const directory = path.join(parent, 'data');
  const unfinished = path.join(parent, 'data.unfinished');
  return withSource(job, 'dump', async (source) => {
    await takeOver(source, job.owner, 'dump-data');
    await endBackends(job, source, 'pg_dump');
    await mkdir(parent, { recursive: true });
    if (await exists(directory)) return { directory, bytes: await sizeOf(directory) };
    await rm(unfinished, { recursive: true, force: true });
    await runDump(job, source, unfinished);
    await rename(unfinished, directory);
    return { directory, bytes: await sizeOf(directory) };
  });
}

async function runDump(job: Job, source: Session, directory: string): Promise<void> {
  const { pgDump } = await findClientTools(Math.floor(source.version / 10_000));
  const relations = await readRelations(source);
  const { excluded, withoutData } = selectRelations(relations, job.spec.select);
  const empty = relations.filter(({ oid }) => withoutData.has(oid));
  await runTool(job, {
    tool: pgDump,
    what: 'data',
    args: [
      ...dumpArguments(job.spec, excluded),
      ...empty.map(
        ({ schema, name }) => `--exclude-table-data=${exactPattern(schema)}.${exactPattern(name)}`,
      ),
      '--format=directory',
      '--section=data',
      // Their definitions are in another section; validate tells that they stay behind.
      '--no-blobs',
      `--jobs=${job.spec.load.jobs}`,
      `--file=${directory}`,
    ],
    endpoint: job.servers.source,
    version: source.version,
    step: 'pg_dump',
    code: 'DUMP_FAILED',
  });
}

const TABLES_SQL = `
  SELECT /* pgtrek: list-data-tables */ qualified FROM pgtrek.relation
  WHERE owner = $1 AND kind = 'r' AND has_data ORDER BY id`;

/**
 * The restore of data with several jobs is no transaction: an attempt that follows one which broke off empties the
 * tables first. The lane's row tells when all is in.
 */
export async function restoreData(job: Job, lane: LaneName, dump: DataDump): Promise<void> {
  if (!(await exists(dump.directory))) {
    throw new PgtrekError('DUMP_LOST', `The dump ${dump.directory} is not on this worker’s disk.`, {
      object: dump.directory,
    });
  }
  await withTarget(job, 'restore', async (target) => {
    await takeOver(target, job.owner, 'restore');
    await endBackends(job, target, 'pg_restore');
    const [state] = await target.query<{ status: string }>(
      'SELECT /* pgtrek: read-lane */ status FROM pgtrek.lane WHERE owner = $1 AND lane = $2',
      [job.owner, lane],
    );
    if (state?.status === 'copied') return;
    const tables = await target.query<{ qualified: string }>(TABLES_SQL, [job.owner]);
    if (tables.length > 0) {
      await target.query(
        `TRUNCATE /* pgtrek: empty-tables */ ${tables.map(({ qualified }) => qualified).join(', ')}`,
      );
    }
    await runRestore(job, target, dump);
    await target.query(
      `INSERT /* pgtrek: record-restored */ INTO pgtrek.lane (owner, lane, status) VALUES ($1, $2, 'copied')
       ON CONFLICT (owner, lane) DO UPDATE SET status = 'copied'`,
      [job.owner, lane],
    );
  });
}

async function runRestore(job: Job, target: Session, dump: DataDump): Promise<void> {
  const { pgRestore } = await toolsOfArchive(job, target);
  await runTool(job, {
    tool: pgRestore,
    what: 'data',
    args: [
      '--no-password',
      '--exit-on-error',
      '--section=data',
      `--jobs=${job.spec.load.jobs}`,
      `--dbname=${job.servers.target.database}`,
      dump.directory,
    ],
    endpoint: job.servers.target,
    version: target.version,
    step: 'pg_restore',
    code: 'RESTORE_FAILED',
  });
}

export async function discardDump(job: Job): Promise<void> {
  await rm(workFolder(job), { recursive: true, force: true });
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

async function sizeOf(directory: string): Promise<string> {
  const files = await readdir(directory);
  const sizes = await Promise.all(files.map(async (file) => (await stat(path.join(directory, file))).size));
  return String(sizes.reduce((sum, size) => sum + size, 0));
}
