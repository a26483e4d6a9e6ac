/** Restores the schema archive from the ledger, section by section, catalog-first. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { PgtrekError } from '../../contract/errors.js';
import type { RestoreResult } from '../../contract/activities.js';
import { findClientTools } from '../client-tools.js';
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
 * All of pre-data in one transaction: either every object exists or none. Some and not others means that somebody
 * else made or dropped objects, which blocks.
 */
export async function restorePreData(job: Job): Promise<RestoreResult> {
  return withTarget(job, 'restore', async (target) => {
    await takeOver(target, job.owner, 'restore');
    await endBackends(target, restorePurpose(job));
    const entries = await readEntries(target, job, 'pre-data');
    const { existing, missing } = await readExistence(target, entries);
    if (existing.length > 0 && missing.length === 0) return { objects: entries.length };
    if (existing.length > 0) throw partialError(existing, missing);
    await restoreEntries(job, target, entries);
    return { objects: entries.length };
  });
}

/** Triggers, rules, policies, statistics, privileges: what is there already is not made again. */
export async function restorePostData(job: Job): Promise<RestoreResult> {
  return withTarget(job, 'restore', async (target) => {
    await takeOver(target, job.owner, 'restore');
    await endBackends(target, restorePurpose(job));
    const entries = await readEntries(target, job, 'post-data');
    const missing = await keepMissing(target, entries);
    if (missing.length > 0) await restoreEntries(job, target, missing);
    return { objects: entries.length };
  });
}

/** Not the session's own name: endBackends must end the children only. */
function restorePurpose(job: Job): string {
  return `pgtrek:${job.name}:pg_restore`;
}

async function readEntries(target: Session, job: Job, section: string): Promise<LedgerEntry[]> {
  return target.query<LedgerEntry & Record<string, unknown>>(ENTRIES_SQL, [job.owner, section]);
}

function partialError(existing: LedgerEntry[], missing: LedgerEntry[]): PgtrekError {
  const names = (entries: LedgerEntry[]) =>
    entries
      .slice(0, 5)
      .map(({ kind, identity }) => `${kind} ${identity ?? ''}`)
      .join(', ');
  return new PgtrekError(
    'RESTORE_PARTIAL',
    `Of the schema's objects ${existing.length} exist on the target (${names(existing)}) and ${missing.length} do not (${names(missing)}).`,
    { remedy: 'Drop the ones that exist, unless pgtrek made them and others dropped the rest; then retry.' },
  );
}

async function restoreEntries(job: Job, target: Session, entries: LedgerEntry[]): Promise<void> {
  const { pgRestore } = await findClientTools();
  const { content } = await target.one<{ content: Buffer }>(
    'SELECT /* pgtrek: read-archive */ content FROM pgtrek.archive WHERE owner = $1',
    [job.owner],
  );
  await withFolder(job, async (folder) => {
    const archive = path.join(folder, 'schema.dump');
    const list = path.join(folder, 'schema.list');
    await writeFile(archive, content);
    await writeFile(list, entries.map(({ line }) => `${line}\n`).join(''));
    await runTool({
      tool: pgRestore,
      args: [
        '--no-password',
        '--single-transaction',
        '--exit-on-error',
        ...ownershipArguments(job),
        `--use-list=${list}`,
        `--dbname=${job.servers.target.database}`,
        archive,
      ],
      endpoint: job.servers.target,
      version: target.version,
      purpose: restorePurpose(job),
      code: 'RESTORE_FAILED',
      signal: job.signal,
      observer: job.servers.observer,
    });
  });
}

export function ownershipArguments({ spec }: Job): string[] {
  return [
    ...(spec.schema.owners === 'skip' ? ['--no-owner'] : []),
    ...(spec.schema.privileges === 'skip' ? ['--no-privileges'] : []),
  ];
}
