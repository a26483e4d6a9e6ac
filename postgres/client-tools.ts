/** Finds pg_dump and pg_restore: a pair of one major on this worker. */
import { readdir } from 'node:fs/promises';
import { access, constants } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { PgtrekError } from '../contract/errors.js';

export interface ClientTools {
  pgDump: string;
  pgRestore: string;
  /** Major of pg_dump: it refuses a server that is newer. */
  major: number;
}

let found: Promise<ClientTools[]> | undefined;

/**
 * The oldest tools that can dump a server of this major: pg_dump refuses a newer server, and from 17 on pg_restore sends
 * settings that an older target does not know. Without one that is new enough: the newest. Throws TOOLS_MISSING.
 */
export async function findClientTools(sourceMajor = 0): Promise<ClientTools> {
  found ??= searchTools().catch((error: unknown) => {
    found = undefined;
    throw error;
  });
  const rising = await found;
  const tools = rising.find(({ major }) => major >= sourceMajor) ?? rising.at(-1);
  if (!tools) throw new Error('searchTools found none and did not throw');
  return tools;
}

/** In PGTREK_PG_BIN, else in the system's PostgreSQL folders and PATH; rising by major. */
async function searchTools(): Promise<ClientTools[]> {
  const folders = process.env.PGTREK_PG_BIN ? [process.env.PGTREK_PG_BIN] : await usualFolders();
  const pairs = await Promise.all(folders.map(readPair));
  const rising = pairs.filter((pair) => pair !== undefined).sort((a, b) => a.major - b.major);
  if (rising.length > 0) return rising;
  throw new PgtrekError('TOOLS_MISSING', `pg_dump and pg_restore were not found in ${folders.join(', ')}.`, {
    remedy:
      'Install the PostgreSQL client tools on the worker (Debian: apt-get install postgresql-client; macOS: brew install libpq), or set PGTREK_PG_BIN to their folder.',
  });
}

async function usualFolders(): Promise<string[]> {
  const debian = '/usr/lib/postgresql';
  const majors = await readdir(debian).catch(() => []);
  return [
    ...majors.map((major) => path.join(debian, major, 'bin')),
    ...(process.env.PATH ?? '').split(path.delimiter).filter((folder) => folder !== ''),
    '/opt/homebrew/opt/libpq/bin',
    '/usr/local/opt/libpq/bin',
  ];
}

async function readPair(folder: string): Promise<ClientTools | undefined> {
  const pgDump = path.join(folder, 'pg_dump');
  const pgRestore = path.join(folder, 'pg_restore');
  try {
    await Promise.all([access(pgDump, constants.X_OK), access(pgRestore, constants.X_OK)]);
    const { stdout } = await execa(pgDump, ['--version']);
    const major = Number(/\(PostgreSQL\) (\d+)/.exec(stdout)?.[1]);
    return Number.isNaN(major) ? undefined : { pgDump, pgRestore, major };
  } catch {
    return undefined;
  }
}
