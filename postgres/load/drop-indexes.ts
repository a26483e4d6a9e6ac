/** Takes back what was built on tables that are to be loaded again. */
import type { Session } from '../session.js';

export function dropIndexes(_target: Session, _owner: string, _tables: number[]): Promise<void> {
  return Promise.resolve();
}
