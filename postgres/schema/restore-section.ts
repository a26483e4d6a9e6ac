/** Restores the schema archive from the ledger, section by section, catalog-first. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { PgtrekError } from '../../contract/errors.js';
import type { RestoreResult } from '../../contract/activities.js';
import { findClientTools } from '../client-tools.js';
import type { ClientTools } from '../client-tools.js';
import { withFolder, withTarget } from '../job.js';
import type { Job } from '../job.js';
import { runTool } from '../run-tool.js';
import type { Session } from '../session.js';
import { endBackends, takeOver } from '../take-over.js';
import { keepMissing, readExistence } from './existence.js';
import type { LedgerEntry } from './existence.js';

const ENTRIES_SQL = `
  SELECT /* pgtrek: read-entries */ position, kind, line, object_type AS type, identity
  FROM pgtrek.entry
  WHERE owner = $1 AND section = $2 AND left_out IS NULL
  ORDER BY position`;

/**
 * All of pre-data in one transaction: either every object exists or none. Objects that exist before it has begun, or
 * some without the others, are somebody else's doing, which blocks: their rows are never truncated.
 */
export async function restorePreData(job: Job): Promise<RestoreResult> {
  return withTarget(job, 'restore', async (target) => {
    await takeOver(target, job.owner, 'restore');
    await endBackends(job, target, 'pg_restore');
    const entries = await readEntries(target, job, 'pre-data');
    const { existing, missing } = await readExistence(target, entries);
    const begun = await hasBegun(target, job.owner);
    if (existing.length > 0 && missing.length === 0 && begun) return { objects: entries.length };
    if (existing.length > 0) throw foreignError(existing, missing);
    await target.query(BEGIN_SQL, [job.owner]);
    await restoreEntries(job, target, { section: 'pre-data', entries });
    return { objects: entries.length };
  });
}

/** Triggers, rules, policies, statistics, privileges: what is there already is not made again. */
export async function restorePostData(job: Job): Promise<RestoreResult> {
  return withTarget(job, 'restore', async (target) => {
    await takeOver(target, job.owner, 'restore');
    await endBackends(job, target, 'pg_restore');
    const entries = await readEntries(target, job, 'post-data');
    const missing = await keepMissing(target, entries);
    if (missing.length > 0) await restoreEntries(job, target, { section: 'post-data', entries: missing });
    return { objects: entries.length };
  });
}

async function readEntries(target: Session, job: Job, section: string): Promise<LedgerEntry[]> {
  return target.query<LedgerEntry & Record<string, unknown>>(ENTRIES_SQL, [job.owner, section]);
}

/** Committed before pg_restore starts, and only when nothing exists: without it, what exists is somebody else's. */
const BEGIN_SQL = `
  UPDATE /* pgtrek: begin-restore */ pgtrek.migration SET restore_begun_at = coalesce(restore_begun_at, now())
  WHERE owner = $1`;

/** Until then nothing of these names is ours. */
export async function hasBegun(target: Session, owner: string): Promise<boolean> {
  const rows = await target.query(
    'SELECT /* pgtrek: look-for-restore */ FROM pgtrek.migration WHERE owner = $1 AND restore_begun_at IS NOT NULL',
    [owner],
  );
  return rows.length > 0;
}

function foreignError(existing: LedgerEntry[], missing: LedgerEntry[]): PgtrekError {
  const names = (entries: LedgerEntry[]) =>
    entries
      .slice(0, 5)
      .map(({ kind, identity }) => `${kind} ${identity ?? ''}`)
      .join(', ');
  return new PgtrekError(
    'RESTORE_PARTIAL',
    `The target has ${existing.length} objects of the schema that this migration did not make (${names(existing)}); ${missing.length} are missing${missing.length > 0 ? ` (${names(missing)})` : ''}.`,
    { remedy: 'Drop or rename the ones that exist, then retry; or use another target database.' },
  );
}

interface Restore {
  section: 'pre-data' | 'post-data';
  entries: LedgerEntry[];
}

async function restoreEntries(job: Job, target: Session, { section, entries }: Restore): Promise<void> {
  const { pgRestore } = await toolsOfArchive(job, target);
  const { content } = await target.one<{ content: Buffer }>(
    'SELECT /* pgtrek: read-archive */ content FROM pgtrek.archive WHERE owner = $1',
    [job.owner],
  );
  await withFolder(job, async (folder) => {
    const archive = path.join(folder, 'schema.dump');
    const list = path.join(folder, 'schema.list');
    await writeFile(archive, content);
    await writeFile(list, entries.map(({ line }) => `${line}\n`).join(''));
    await runTool(job, {
      tool: pgRestore,
      what: section,
      args: [
        '--no-password',
        '--single-transaction',
        '--exit-on-error',
        ...restoreArguments(job),
        `--use-list=${list}`,
        `--dbname=${job.servers.target.database}`,
        archive,
      ],
      endpoint: job.servers.target,
      version: target.version,
      step: 'pg_restore',
      code: 'RESTORE_FAILED',
    });
  });
}

/** The pg_restore that goes with the pg_dump that was used, whichever worker this is. */
export async function toolsOfArchive(job: Job, target: Session): Promise<ClientTools> {
  const { client_major } = await target.one<{ client_major: number }>(
    'SELECT client_major FROM pgtrek.archive WHERE owner = $1',
    [job.owner],
  );
  return findClientTools(client_major);
}

export function restoreArguments({ spec }: Job): string[] {
  return [
    // The target as a rule has others, or none that may be used.
    '--no-tablespaces',
    ...(spec.schema.owners === 'skip' ? ['--no-owner'] : []),
    ...(spec.schema.privileges === 'skip' ? ['--no-privileges'] : []),
  ];
}
