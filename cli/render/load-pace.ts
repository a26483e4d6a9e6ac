import type { MigrationState } from '../../client/index.js';
import { formatMany } from './format.js';

/** `up to 4 tables and the indexes of 2 at a time`; empty before validate has said. */
export function describePace({ load, method }: Pick<MigrationState, 'load' | 'method'>): string {
  if (!load) return '';
  // Other methods have their rows copied by the servers' own tools.
  const copies = method === 'stream' ? `${formatMany(load.jobs, 'table')} and ` : '';
  return `up to ${copies}the indexes of ${copies ? load.indexJobs : formatMany(load.indexJobs, 'table')} at a time`;
}
