/** The migration that is stopped again and again. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Migration, MigrationState } from '../../client/index.js';
import type { LaneName } from '../../contract/names.js';
import type { ClusterConnection } from '../../dev/cluster.js';
import { journalTable } from '../../postgres/lane/journal.js';
import { specBetween } from '../load/pgtrek-spec.js';
import { query } from '../load/sql.js';
import { startParts, untilState } from '../pgtrek-parts.js';
import type { PartsOptions, PgtrekParts } from '../pgtrek-parts.js';

export interface RunningMigration {
  migration: Migration;
  /** Until the lanes apply again. */
  resume: () => Promise<void>;
  diesEarly: PgtrekParts['diesEarly'];
}

export interface OneStop {
  /** StopReport.overshootMs. */
  overshootMs: number;
  /** From the planned time to the commit of the marker, as the source has noted it; below 0 it was early. */
  commitMs: number;
  /** From the commit of the marker until the workflow knows that every lane stands. */
  stoodMs: number;
  marker: { lane: LaneName; id: string };
}

/** Ends when changes follow. */
export async function openMigration(
  options: PartsOptions & { lanes: number; signal: AbortSignal },
): Promise<RunningMigration> {
  const { signal, lanes } = options;
  const { pgtrek, diesEarly } = await startParts(options);
  const migration = await pgtrek.start({
    ...specBetween(options),
    cdc: { stop: { never: true }, lanes },
  });
  const untilApplying = async () => {
    await Promise.race([untilState(migration, isApplying, signal), diesEarly]);
  };
  await untilApplying();
  const resume = async () => {
    await migration.resume();
    await untilApplying();
  };
  return { migration, resume, diesEarly };
}

function isApplying({ stage, status, lanes }: MigrationState): boolean {
  return stage === 'monitor' && status === 'running' && lanes.every((lane) => lane.status === 'applying');
}

/** Time for the lanes to follow closely, and for the stop clock to open its session. */
const AHEAD_MS = 4_000;

export async function measureStop(
  { migration, diesEarly }: RunningMigration,
  { source, signal }: { source: ClusterConnection; signal: AbortSignal },
): Promise<OneStop> {
  const at = new Date(Date.now() + AHEAD_MS).toISOString();
  await migration.stop({ at, then: 'wait' });
  // Questions cost the worker CPU, which it needs at that time.
  await sleep(Date.parse(at) - Date.now(), undefined, { signal });
  const stands = untilState(migration, ({ status }) => status === 'stopped', signal);
  return describeStop(await Promise.race([stands, diesEarly]), { at, source });
}

async function describeStop(
  { stop, events }: MigrationState,
  { at, source }: { at: string; source: ClusterConnection },
): Promise<OneStop> {
  const { report } = stop ?? {};
  const lane = report?.lanes[0]?.lane;
  if (report?.overshootMs === undefined || report.plannedAt !== at || lane === undefined)
    throw new Error(`the stop at ${at} is not reported`);
  const stood = events.findLast(({ kind }) => kind === 'stopped');
  return {
    overshootMs: report.overshootMs,
    commitMs: await readCommitMs(source, { lane, id: report.marker, at }),
    stoodMs: Date.parse(stood?.at ?? '') - Date.parse(report.committedAt),
    marker: { lane, id: report.marker },
  };
}

async function readCommitMs(
  source: ClusterConnection,
  { lane, id, at }: { lane: LaneName; id: string; at: string },
): Promise<number> {
  const [row] = await query<{ ms: number }>(
    source,
    `SELECT (extract(epoch FROM pg_xact_commit_timestamp(xmin) - $2::timestamptz) * 1000)::float8 AS ms
     FROM ${journalTable(lane)} WHERE id = $1`,
    [id, at],
  );
  if (!row) throw new Error(`marker ${id} is not in the journal of ${lane}`);
  return row.ms;
}
