import type { MigrationState } from '../../client/index.js';
import { formatMany } from './format.js';

/** `up to 4 copies and 2 index jobs at a time`; empty before validate has said. */
export function describePace({
  load,
  method,
  totals,
}: Pick<MigrationState, 'load' | 'method' | 'totals'>): string {
  if (!load) return '';
  const isCopied = totals.tables > 0 && totals.tablesCopied >= totals.tables;
  // Other methods have their rows copied by the servers' own tools.
  const hasCopies = method === 'stream' && !isCopied;
  const copies = hasCopies ? `${formatMany(load.jobs, 'copy', 'copies')} and ` : '';
  return `up to ${copies}${formatMany(load.indexJobs, 'index job')} at a time`;
}
