import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';

/**
 * A file or folder that several processes may use and none changes: `make` fills another path, which then takes the
 * name at once, so nobody sees a half of it. Of two that make it at the same time one is kept.
 */
export async function madeOnce(path: string, make: (path: string) => Promise<void>): Promise<void> {
  if (existsSync(path)) return;
  const draft = `${path}.${randomBytes(4).toString('hex')}`;
  try {
    await make(draft);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (!existsSync(path)) throw error;
  }
}
