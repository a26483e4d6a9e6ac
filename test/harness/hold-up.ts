/** Keeps a migration in load for as long as a test needs it there. */
import pg from 'pg';
import { waitUntil } from '../../dev/wait-until.js';
import { query } from './world.js';
import type { Databases } from './world.js';

export interface HeldUpCopy {
  /** Resolves when a copy waits. */
  waits: Promise<void>;
  release: () => Promise<void>;
}

/** Reads table film on the target from the moment that it is there: its rows cannot be copied until then. */
export async function holdUpCopy({ target }: Databases): Promise<HeldUpCopy> {
  const reader = new pg.Client(target);
  reader.on('error', () => undefined);
  await reader.connect();
  const reads = () =>
    reader.query('BEGIN; LOCK TABLE film IN ACCESS SHARE MODE').then(
      () => true,
      () => reader.query('ROLLBACK').then(() => false),
    );
  const isHeldUp = async () => (await query(target, 'SELECT FROM pg_locks WHERE NOT granted')).length > 0;
  const untilHeldUp = async () => {
    if (!(await waitUntil(reads, { deadlineMs: 30_000 }))) throw new Error('table film is not on the target');
    if (!(await waitUntil(isHeldUp, { deadlineMs: 30_000 }))) throw new Error('no copy waits for the reader');
  };
  return { waits: untilHeldUp(), release: () => reader.end() };
}
