/** The database that a rehearsal makes beside the target's and drops again: its name, whose it is, and whether anybody works in it. */
import { createHash } from 'node:crypto';
import { escapeIdentifier, escapeLiteral } from 'pg';
import { messageOf, sqlState } from '../classify-error.js';
import type { Job } from '../job.js';
import { ownerComment } from '../lane/journal.js';
import type { Session } from '../session.js';
import { takeOver } from '../take-over.js';
import { createDatabaseLike, readLocale } from '../validate/encoding.js';
import { waitUntil } from '../wait-until.js';

const STEP = 'rehearse';
const ANY = '^pgtrek_rehearsal_.*_[0-9a-f]{8}$';

/** Two runs of one name, or a run and a command, have databases of their own. At most 57 bytes. */
export function scratchName({ name, owner }: Pick<Job, 'name' | 'owner'>): string {
  const run = createHash('sha256').update(owner).digest('hex').slice(0, 8);
  return `${prefixOf(name)}_${run}`;
}

function prefixOf(migration: string): string {
  return `pgtrek_rehearsal_${migration.replaceAll('-', '_')}`;
}

/** From here on no older attempt can make it, nor be at work in it; held as long as the session lives. */
export async function claimScratch(target: Session, job: Job): Promise<void> {
  await takeOver(target, scratchName(job), STEP);
}

// Whoever rehearses holds the lock of takeOver in a database of this cluster, from before the first to after the last.
const SCRATCHES_SQL = `
  SELECT /* pgtrek: find rehearsals */ d.datname::text AS name,
    substring(shobj_description(d.oid, 'pg_database') FROM '^pgtrek owner=(.+)$') AS owner
  FROM pg_database d
  WHERE d.datname ~ $1 AND NOT EXISTS (
    SELECT FROM pg_locks l
    WHERE l.locktype = 'advisory' AND l.granted AND l.pid <> pg_backend_pid()
      AND l.classid::bigint = hashtext('pgtrek')::bigint & 4294967295
      AND l.objid::bigint = hashtext(d.datname || '/${STEP}')::bigint & 4294967295)
  ORDER BY 1`;

export type Scratch = { name: string; owner: string | null };

/** Those that nobody works in: of one migration, or of all. */
export function findScratches(target: Session, migration?: string): Promise<Scratch[]> {
  const pattern = migration === undefined ? ANY : `^${prefixOf(migration)}_[0-9a-f]{8}$`;
  return target.query<Scratch>(SCRATCHES_SQL, [pattern]);
}

/** With encoding and locale of the database that the session is in. */
export async function createScratch(target: Session, job: Job): Promise<void> {
  const name = scratchName(job);
  const locale = await readLocale(target);
  // template0 may have another provider.
  const provider = target.version >= 150000 && locale.provider === 'c' ? ' LOCALE_PROVIDER libc' : '';
  const create = `/* pgtrek: create-scratch */ ${createDatabaseLike(locale, name)}${provider}`;
  let failure: unknown;
  const made = await waitUntil({ seconds: TEMPLATE_SECONDS, signal: job.signal }, async () => {
    try {
      await target.query(create);
      return true;
    } catch (error) {
      if (sqlState(error) !== '55006') throw error;
      failure = error;
      return false;
    }
  });
  if (!made) throw failure;
  await target.query(
    `COMMENT /* pgtrek: own-scratch */ ON DATABASE ${escapeIdentifier(name)} IS ${escapeLiteral(ownerComment(job.owner))}`,
  );
}

/** Another CREATE DATABASE that copies template0 at this moment has it for itself; the server waits 5 s each time. */
const TEMPLATE_SECONDS = 30;

const EXISTS_SQL = `SELECT /* pgtrek: look-for-scratch */ FROM pg_database WHERE datname = $1`;

/** With whoever is in it; gone already is as good. */
export async function dropScratch(target: Session, name: string): Promise<void> {
  let failure: unknown;
  const gone = await waitUntil({ seconds: DROP_SECONDS, every: 200 }, async () => {
    try {
      await target.query(dropScratchSql(name, target.version));
      return true;
    } catch (error) {
      failure = error;
      return (await target.query(EXISTS_SQL, [name])).length === 0;
    }
  });
  if (!gone) throw new Error(`${messageOf(failure)}; run: ${dropScratchSql(name, target.version)};`);
}

/** A backend of another role is ended by nobody here, and may leave by itself. */
const DROP_SECONDS = 5;

export function dropScratchSql(name: string, version: number): string {
  return `DROP DATABASE IF EXISTS ${escapeIdentifier(name)}${version >= 130000 ? ' WITH (FORCE)' : ''}`;
}

/** What attempts left that died. */
export async function dropDeadScratches(target: Session, migration: string): Promise<void> {
  for (const { name } of await findScratches(target, migration)) await dropScratch(target, name);
}
