/** The two servers between which everything moves. */
import type { Belongings } from '../../dev/belongings.js';
import { startCluster } from '../../dev/cluster.js';
import type { Cluster } from '../../dev/cluster.js';
import { UsageError } from '../../cli/usage-error.js';

export interface Majors {
  source: number;
  target: number;
}

export interface Servers {
  source: Cluster;
  target: Cluster;
}

/** For both, so that no side has more than the other. Everything else is PostgreSQL's default. */
export const SERVER_SETTINGS: Record<string, string> = {
  wal_level: 'logical',
  shared_buffers: '512MB',
  maintenance_work_mem: '512MB',
  // No checkpoint falls into a run: there is one before each.
  max_wal_size: '8GB',
  // Segments of WAL stay for the next run: see make-wal.ts.
  min_wal_size: '4GB',
  checkpoint_timeout: '30min',
  // 10,000 tables with their indexes are locked by a dump, and by a restore in one transaction.
  max_locks_per_transaction: '1024',
  max_sync_workers_per_subscription: '2',
  // As on a server that must keep its data; throw-away clusters have these off.
  fsync: 'on',
  full_page_writes: 'on',
  // It would join in at times that nobody chose.
  autovacuum: 'off',
};

/**
 * The target is the newest that is installed; the source is the newest below it that pg_dump can read.
 * @param toolsMajor of the newest pg_dump; undefined where there is none
 */
export function chooseMajors(
  wanted: { sourceMajor?: number; targetMajor?: number },
  {
    installed,
    toolsMajor = Number.POSITIVE_INFINITY,
  }: { installed: number[]; toolsMajor?: number | undefined },
): Majors {
  for (const major of [wanted.sourceMajor, wanted.targetMajor]) {
    if (major !== undefined && !installed.includes(major)) {
      throw new UsageError(
        `PostgreSQL ${major} is not among the embedded servers here (${installed.join(', ') || 'none'}); docs/performance.md tells how to add one`,
      );
    }
  }
  const target = wanted.targetMajor ?? installed.at(-1);
  const readable = installed.filter((major) => major <= toolsMajor);
  const source =
    wanted.sourceMajor ??
    readable.filter((major) => target !== undefined && major < target).at(-1) ??
    readable.at(-1);
  if (source === undefined || target === undefined) {
    throw new UsageError(
      `no embedded server here (${installed.join(', ') || 'none'}) can be the source: run npm run setup`,
    );
  }
  return { source, target };
}

export async function startServers(
  belongings: Belongings,
  { majors, settings = {} }: { majors: Majors; settings?: Record<string, string> | undefined },
): Promise<Servers> {
  const start = (name: 'source' | 'target') =>
    belongings.open(
      () =>
        startCluster({
          major: majors[name],
          name: `bench ${name}`,
          settings: { ...SERVER_SETTINGS, ...settings },
        }),
      (cluster) => cluster.remove(),
    );
  const [source, target] = await Promise.all([start('source'), start('target')]);
  return { source, target };
}
