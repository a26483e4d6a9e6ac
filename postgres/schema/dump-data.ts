/** The seed's way: the rows travel by `pg_dump --format=directory` over a worker's disk. */
import { mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { DataDump } from '../../contract/activities.js';
import { PgtrekError } from '../../contract/errors.js';
import { findClientTools } from '../client-tools.js';
import type { ClientTools } from '../client-tools.js';
import { diskFull, requireSpace, whileSpaceLasts } from '../disk-space.js';
import { withSource, withTarget, workFolder } from '../job.js';
import type { Job } from '../job.js';
import { hasLargeObjects } from '../large-objects/objects.js';
import { compareSchema } from '../load/compare-schema.js';
import { runTool } from '../run-tool.js';
import { readRelations, selectRelations } from '../selection.js';
import type { Relation, Selection } from '../selection.js';
import type { Session } from '../session.js';
import { endBackends, takeOver } from '../take-over.js';
import { FILE_RATIO, chooseCompression, compressionArgument } from './compression.js';
import type { Compression } from './compression.js';
import { dumpArguments, exactPattern } from './dump-schema.js';

/** Where a dump's files are; `stamp` says which dump of the schema they belong to. */
function filesOf(job: Job): { parent: string; directory: string; unfinished: string; stamp: string } {
  const parent = workFolder(job);
  const directory = path.join(parent, 'data');
  return { parent, directory, unfinished: `${directory}.unfinished`, stamp: `${directory}.schema` };
}

/**
 * Written beside its final name and renamed when complete: a folder of the final name is a complete dump, and is taken
 * again if it belongs to the schema of the ledger. Throws DISK_FULL, SCHEMA_CHANGED, DUMP_FAILED; an unfinished one is gone then.
 */
export async function dumpData(job: Job): Promise<DataDump> {
  const { parent, directory, unfinished, stamp } = filesOf(job);
  return withSource(job, 'dump', async (source) => {
    await takeOver(source, job.owner, 'dump-data');
    await endBackends(job, source, 'pg_dump');
    await mkdir(parent, { recursive: true });
    const schema = await readStamp(job);
    if (await isDumpOf(job, schema)) return { directory, bytes: await sizeOf(directory) };
    for (const left of [directory, unfinished]) await remove(left);
    try {
      await dumpInSnapshot(job, source, unfinished);
    } catch (error) {
      await remove(unfinished);
      throw error;
    }
    await writeFile(stamp, schema);
    await rename(unfinished, directory);
    return { directory, bytes: await sizeOf(directory) };
  });
}

const STAMP_SQL = `
  SELECT /* pgtrek: read-schema-stamp */ f.digest || ' ' || f.taken_at AS stamp FROM pgtrek.fingerprint f WHERE f.owner = $1`;

/** Another one after every dump of the schema. */
function readStamp(job: Job): Promise<string> {
  return withTarget(job, 'dump', async (target) => {
    const [row] = await target.query<{ stamp: string }>(STAMP_SQL, [job.owner]);
    return row?.stamp ?? '';
  });
}

/** After a restart the files of the run before may still be there, when their host did not answer the clean-up. */
async function isDumpOf(job: Job, schema: string): Promise<boolean> {
  const { directory, stamp } = filesOf(job);
  if (!(await exists(directory))) return false;
  return (await readFile(stamp, 'utf8').catch(() => undefined)) === schema;
}

/** The directory of the dump for restoring. Throws DUMP_LOST when it is not here, or was made for another schema. */
export async function requireDump(job: Job, { directory }: DataDump): Promise<void> {
  if (await isDumpOf(job, await readStamp(job))) return;
  throw new PgtrekError(
    'DUMP_LOST',
    `The dump ${directory} is not on this worker’s disk, or belongs to an earlier schema.`,
    { object: directory },
  );
}

/** Of the schema that was dumped, or not at all: rows of another one would not go in. */
async function dumpInSnapshot(job: Job, source: Session, directory: string): Promise<void> {
  await source.read(async () => {
    const { snapshot } = await source.one<{ snapshot: string }>(
      'SELECT /* pgtrek: export-data-snapshot */ pg_export_snapshot() AS snapshot',
    );
    await compareSchema(job, source);
    const tools = await findClientTools(Math.floor(source.version / 10_000));
    const compression = await chooseCompression(tools, job.spec.load.compression);
    const selection = selectRelations(await readRelations(source), job.spec.select);
    await requireSpace(path.dirname(directory), estimateBytes(selection, compression));
    const options = { tools, snapshot, selection, compression, directory };
    const withObjects = await hasLargeObjects(source, job.spec);
    await runDump(job, source, { ...options, withObjects });
  });
}

/** Large objects are not in it: their sizes are not to be had without opening each. The watch sees them. */
function estimateBytes(
  {
    selected,
    withoutData,
  }: Pick<Selection, 'withoutData'> & { selected: Pick<Relation, 'oid' | 'kind' | 'bytes'>[] },
  compression: Compression,
): number {
  const tables = selected.filter(({ kind, oid }) => kind === 'r' && !withoutData.has(oid));
  return tables.reduce((sum, { bytes }) => sum + Number(bytes), 0) * FILE_RATIO[compression];
}

interface DumpOptions {
  tools: ClientTools;
  snapshot: string;
  selection: Selection;
  compression: Compression;
  directory: string;
  withObjects: boolean;
}

async function runDump(job: Job, source: Session, options: DumpOptions): Promise<void> {
  const { tools, snapshot, selection, compression, directory, withObjects } = options;
  const { selected, excluded, withoutData } = selection;
  const empty = selected.filter(({ oid }) => withoutData.has(oid));
  const folder = path.dirname(directory);
  await whileSpaceLasts(folder, job.signal, (signal) =>
    runTool(
      { ...job, signal },
      {
        tool: tools.pgDump,
        what: 'data',
        args: [
          ...dumpArguments(job.spec, excluded),
          ...empty.map(
            ({ schema, name }) => `--exclude-table-data=${exactPattern(schema)}.${exactPattern(name)}`,
          ),
          '--format=directory',
          '--section=data',
          // Before 17 the definitions of large objects stand there.
          ...(withObjects && tools.major < 17 ? ['--section=pre-data'] : []),
          ...(withObjects ? [] : ['--no-blobs']),
          compressionArgument(tools, compression),
          `--snapshot=${snapshot}`,
          `--jobs=${job.spec.load.jobs}`,
          `--file=${directory}`,
        ],
        endpoint: job.servers.source,
        version: source.version,
        step: 'pg_dump',
        code: 'DUMP_FAILED',
      },
    ),
  ).catch((error: unknown) => {
    // Faster than the watch. What a server says of its own disk begins with ERROR.
    const { message } = error as Error;
    if (!/No space left on device/.test(message) || message.includes('ERROR:')) throw error;
    throw diskFull(folder, 'pg_dump found no space left, and its files are removed.');
  });
}

export async function discardDump(job: Job): Promise<void> {
  await remove(workFolder(job));
}

/** pg_dump's own workers end a moment after it. */
async function remove(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
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
