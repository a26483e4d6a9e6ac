/** What is left to build once rows are in, cut into tasks of one activity each. */
import type { IndexTask } from '../../contract/activities.js';
import type { Session } from '../session.js';

/** For each set of tables (one big one, or small ones that travel together): what builds all that they still lack. */
export function readIndexTasks(_target: Session, _owner: string, tables: number[][]): Promise<IndexTask[][]> {
  return Promise.resolve(tables.map(() => []));
}
