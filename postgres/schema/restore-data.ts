/** Restores the rows, and the large objects, of a directory dump with several jobs. */
import { readFile, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { DataDump } from '../../contract/activities.js';
import type { LaneName } from '../../contract/names.js';
import type { ClientTools } from '../client-tools.js';
import { withFolder, withTarget } from '../job.js';
import type { Job } from '../job.js';
import { oidsOf, takenError } from '../large-objects/objects.js';
import { removeLargeObjects } from '../large-objects/remove.js';
import { claimTables } from '../ledger/lane-tables.js';
import { refuseWayBack } from '../reverse/way-back.js';
import { runTool } from '../run-tool.js';
import type { Session } from '../session.js';
import { endBackends, takeOver } from '../take-over.js';
import { requireDump } from './dump-data.js';
import { restoreArguments, toolsOfArchive } from './restore-section.js';
import { parseContents } from './table-of-contents.js';

const TABLES_SQL = `
  SELECT /* pgtrek: list-data-tables */ qualified FROM pgtrek.relation
  WHERE owner = $1 AND kind = 'r' AND has_data ORDER BY id`;

/**
 * The restore of data with several jobs is no transaction: an attempt that follows one which broke off empties the
 * tables and removes the large objects first. The lane's row tells when all is in. Throws DUMP_LOST, RESTORE_FAILED,
 * LARGE_OBJECT_EXISTS, LOAD_OR_WAY_BACK.
 */
export async function restoreData(job: Job, lane: LaneName, dump: DataDump): Promise<void> {
  await requireDump(job, dump);
  await withTarget(job, 'restore', async (target) => {
    await takeOver(target, job.owner, 'restore');
    await endBackends(job, target, 'pg_restore');
    const [state] = await target.query<{ status: string }>(
      'SELECT /* pgtrek: read-lane */ status FROM pgtrek.lane WHERE owner = $1 AND lane = $2',
      [job.owner, lane],
    );
    if (state?.status === 'copied') return;
    await refuseWayBack(target, job.owner);
    await claimTables(target, job.owner, { lane, inGroups: false });
    const objects = await readDumpedObjects(dump.directory);
    await removeLargeObjects(target, job.owner);
    await refuseTaken(target, objects);
    await emptyTables(target, job.owner);
    await enterObjects(target, { owner: job.owner, lane }, objects);
    await runRestore(job, target, { dump, withObjects: objects.length > 0 });
    await target.query(
      `INSERT /* pgtrek: record-restored */ INTO pgtrek.lane (owner, lane, status) VALUES ($1, $2, 'copied')
       ON CONFLICT (owner, lane) DO UPDATE SET status = 'copied'`,
      [job.owner, lane],
    );
  });
}

async function emptyTables(target: Session, owner: string): Promise<void> {
  const tables = await target.query<{ qualified: string }>(TABLES_SQL, [owner]);
  if (tables.length === 0) return;
  const names = tables.map(({ qualified }) => qualified).join(', ');
  await target.query(`TRUNCATE /* pgtrek: empty-tables */ ${names}`);
}

/** Oids of the large objects in a directory dump: blobs.toc has a line `16403 blob_16403.dat` for each; from 17 on there are several such files. */
async function readDumpedObjects(directory: string): Promise<number[]> {
  const lists = (await readdir(directory)).filter((file) => /^blobs(_\d+)?\.toc$/.test(file));
  const texts = await Promise.all(lists.map((file) => readFile(path.join(directory, file), 'utf8')));
  return texts.flatMap((text) => [...text.matchAll(/^(\d+) /gm)].map(([, oid]) => Number(oid)));
}

/** So many oids go into one statement. */
const PAGE = 10_000;

const TAKEN_SQL = `
  SELECT /* pgtrek: find-taken-large-objects */ oid FROM pg_largeobject_metadata
  WHERE oid = ANY ($1::oid[]) ORDER BY oid`;

/** Ours are gone by now: what is there is somebody else's. */
async function refuseTaken(target: Session, oids: number[]): Promise<void> {
  const taken: number[] = [];
  for (let at = 0; at < oids.length; at += PAGE)
    taken.push(...oidsOf(await target.query<{ oid: number }>(TAKEN_SQL, [oids.slice(at, at + PAGE)])));
  if (taken.length > 0) throw takenError(taken);
}

const ENTER_SQL = `
  INSERT /* pgtrek: enter-large-objects */ INTO pgtrek.large_object (owner, lane, oid)
  SELECT $1, $2, o.oid FROM unnest($3::oid[]) AS o (oid)`;

/** Before pg_restore makes them, so that they are known as ours if it breaks off. */
async function enterObjects(
  target: Session,
  { owner, lane }: { owner: string; lane: LaneName },
  oids: number[],
): Promise<void> {
  for (let at = 0; at < oids.length; at += PAGE)
    await target.query(ENTER_SQL, [owner, lane, oids.slice(at, at + PAGE)]);
}

async function runRestore(
  job: Job,
  target: Session,
  { dump, withObjects }: { dump: DataDump; withObjects: boolean },
): Promise<void> {
  const tools = await toolsOfArchive(job, target);
  await withFolder(job, async (folder) => {
    const what =
      withObjects && tools.major < 17
        ? `--use-list=${await listWithObjects(job, tools, { folder, directory: dump.directory })}`
        : '--section=data';
    await runTool(job, {
      tool: tools.pgRestore,
      what: 'data',
      args: [
        '--no-password',
        '--exit-on-error',
        ...restoreArguments(job),
        what,
        `--jobs=${job.spec.load.jobs}`,
        `--dbname=${job.servers.target.database}`,
        dump.directory,
      ],
      endpoint: job.servers.target,
      version: target.version,
      step: 'pg_restore',
      code: 'RESTORE_FAILED',
    });
  });
}

/** Before 17, the definitions of large objects stand among those of tables, which are on the target already. */
async function listWithObjects(
  job: Job,
  tools: ClientTools,
  { folder, directory }: { folder: string; directory: string },
): Promise<string> {
  const list = async (section: 'pre-data' | 'data') => {
    const { stdout } = await runTool(job, {
      tool: tools.pgRestore,
      what: 'list',
      args: ['--list', `--section=${section}`, directory],
      step: 'pg_restore',
      code: 'RESTORE_FAILED',
    });
    return parseContents(stdout, 'pre-data');
  };
  const definitions = (await list('pre-data')).filter(
    ({ kind, rest }) => kind === 'BLOB' || rest.startsWith('- LARGE OBJECT '),
  );
  const file = path.join(folder, 'data.list');
  const lines = [...definitions, ...(await list('data'))].map(({ line }) => `${line}\n`);
  await writeFile(file, [...new Set(lines)].join(''));
  return file;
}
