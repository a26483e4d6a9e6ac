/** Two attempts may make the same object at the same moment: the one that comes too late has nothing to do. */
import { sqlState } from './classify-error.js';

/**
 * Does the work; an error that tells of a name that is taken counts for nothing when `isThere` then finds the object
 * itself, and not another one of its name.
 */
export async function unlessThere(
  isThere: () => Promise<boolean>,
  work: () => Promise<unknown>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isDuplicate(error) || !(await isThere())) throw error;
  }
}

function isDuplicate(error: unknown): boolean {
  // duplicate_table (indexes too), duplicate_object; two CREATE INDEX at once collide in pg_class itself.
  const state = sqlState(error);
  if (state === '42P07' || state === '42710') return true;
  return state === '23505' && (error as { schema?: string }).schema === 'pg_catalog';
}
