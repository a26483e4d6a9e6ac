/** Waits until the server has copied every table of a lane itself (load.method: native). */
import { PgtrekError } from '../../contract/errors.js';
import type { LaneName } from '../../contract/names.js';
import { withTarget } from '../job.js';
import type { Job } from '../job.js';
import type { Session } from '../session.js';
import { waitUntil } from '../wait-until.js';
import { enterApplying } from './subscription.js';

interface Sync {
  enabled: boolean;
  tables: number;
  ready: number;
  /** Workers that copy now. */
  workers: number;
  /** Failed copies so far, from 15 on. */
  errors: number | null;
}

function syncSql(version: number): string {
  const errors =
    version >= 150000
      ? '(SELECT sync_error_count::int FROM pg_stat_subscription_stats t WHERE t.subid = s.oid)'
      : 'NULL::int';
  return `
    SELECT /* pgtrek: look-for-sync */ s.subenabled AS enabled, count(r.srrelid)::int AS tables,
      (count(*) FILTER (WHERE r.srsubstate = 'r'))::int AS ready,
      (SELECT count(*)::int FROM pg_stat_subscription w
        WHERE w.subid = s.oid AND w.relid IS NOT NULL AND w.pid IS NOT NULL) AS workers,
      ${errors} AS errors
    FROM pg_subscription s LEFT JOIN pg_subscription_rel r ON r.srsubid = s.oid
    WHERE s.subname = $1 AND s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    GROUP BY s.oid, s.subenabled`;
}

/** The server tries a failed copy again every 5 s: one error alone may be an outage that passes. */
const ERRORS = 3;
/** Before 15 no error is counted; nobody copying for so long, with tables left, tells the same. */
const IDLE_MS = 60_000;

export async function awaitSync(
  job: Job,
  lane: LaneName,
  onProgress: (text: string) => void,
): Promise<{ tables: number }> {
  return withTarget(job, 'sync', async (target) => {
    const check = createSyncWatch(lane);
    await waitUntil({ seconds: Infinity, every: 500, signal: job.signal }, async () => {
      const sync = await target.one<Sync & Record<string, unknown>>(syncSql(target.version), [lane]);
      check(sync);
      onProgress(`${String(sync.ready)} of ${String(sync.tables)} tables are copied by the server`);
      return sync.ready === sync.tables;
    });
    await enterApplying(target, job.owner, lane);
    return { tables: await countCopied(job, target) };
  });
}

const COPIED_SQL = `
  SELECT /* pgtrek: count-synced */ count(*)::int AS tables FROM pgtrek.relation
  WHERE owner = $1 AND kind = 'r' AND has_data AND is_logged`;

/** A subscription counts a partitioned table once and our journal too; a migration counts partitions. */
async function countCopied(job: Job, target: Session): Promise<number> {
  const { tables } = await target.one<{ tables: number }>(COPIED_SQL, [job.owner]);
  return tables;
}

/** Throws when copies fail again and again and no table gets ready. */
export function createSyncWatch(lane: string, now: () => number = Date.now): (sync: Sync) => void {
  let last: { ready: number; errors: number; since: number } | undefined;
  return (sync) => {
    if (!sync.enabled) throw disabled(lane);
    const errors = sync.errors ?? 0;
    if (last?.ready !== sync.ready) {
      last = { ready: sync.ready, errors, since: now() };
      return;
    }
    if (sync.workers > 0 && sync.errors === null) last.since = now();
    const idle = sync.errors === null && now() - last.since > IDLE_MS;
    if (errors - last.errors >= ERRORS || idle) throw failing(lane, sync);
  };
}

function disabled(lane: string): PgtrekError {
  return new PgtrekError(
    'SUBSCRIPTION_DISABLED',
    `Subscription ${lane} was disabled on the target while it copied.`,
    { object: lane, remedy: `On the target: ALTER SUBSCRIPTION ${lane} ENABLE; then retry.` },
  );
}

function failing(lane: string, { ready, tables, errors }: Sync): PgtrekError {
  const counted = errors === null ? '' : ` (${String(errors)} errors so far)`;
  return new PgtrekError(
    'COPY_FAILED',
    `The target’s server fails again and again to copy a table of ${lane}${counted}; ${String(ready)} of ${String(tables)} are copied.`,
    {
      object: lane,
      remedy:
        'The target’s log names the table and the reason ("logical replication table synchronization worker …"). Mend it, then retry.',
    },
  );
}
