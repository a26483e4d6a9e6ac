import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Makes `<tmp>/pgtrek-<kind>-<our pid>-<name>-<random>`, so that a later process sees whose it was. */
export async function makeOwnFolder(kind: string, name: string): Promise<string> {
  // Short, as the path of a Unix socket in it must fit 103 bytes on macOS.
  const label = name.replaceAll(/[^A-Za-z0-9]/g, '').slice(0, 12);
  const folder = join(tmpdir(), `pgtrek-${kind}-${process.pid}-${label}-${randomBytes(3).toString('hex')}`);
  await mkdir(folder, { mode: 0o700 });
  return folder;
}

/** Removes folders of `kind` whose owner was killed; `endItsProcess` first ends what still runs from one. */
export async function removeLeftFolders(
  kind: string,
  endItsProcess: (folder: string) => Promise<void>,
): Promise<void> {
  const pattern = new RegExp(`^pgtrek-${kind}-(\\d+)-`);
  for (const entry of await readdir(tmpdir())) {
    const owner = pattern.exec(entry)?.[1];
    if (owner === undefined || isAlive(Number(owner))) continue;
    const folder = join(tmpdir(), entry);
    try {
      await endItsProcess(folder);
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    } catch {
      // Somebody else's, or another process is removing it now: not a reason to fail.
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
