/** Looks whether a cutover can begin: nothing is changed. */
import type { LaneName } from '../../contract/names.js';
import type { LaneFigures, MonitorFigures } from '../../contract/state.js';
import { withEnds } from '../job.js';
import type { Job } from '../job.js';
import { createGauge } from '../monitor/measure.js';
import type { Session } from '../session.js';

/** Behind by more than this, the writers would wait too long for the lanes. */
const SMALL_LAG_MS = 2_000;

/** Every reason against it; none: it can begin. */
export async function checkCutover(job: Job, lanes: LaneName[]): Promise<{ reasons: string[] }> {
  return withEnds(job, 'cutover', async (source, target) => {
    const measure = createGauge(job, { lanes }, source, target);
    let figures = await measure();
    const end = Date.now() + SMALL_LAG_MS;
    // A heartbeat that is under way counts with its age so far: it may arrive in the next moment.
    while (isBehind(figures) && Date.now() < end) figures = await measure();
    return {
      reasons: [
        ...(isBehind(figures) ? [lagReason(figures)] : []),
        ...figures.lanes.flatMap(reasonsOfLane),
        ...(await preparedTransactions(source)),
      ],
    };
  });
}

/** A measurement waits 400 ms for its own heartbeat; one that came through is not behind. */
function isBehind({ lagMs }: MonitorFigures): boolean {
  return lagMs === null || lagMs > 400;
}

function lagReason({ lagBytes, lagMs }: MonitorFigures): string {
  return `the lanes are behind by ${lagBytes} bytes, and more than ${String(lagMs ?? SMALL_LAG_MS)} ms: wait until the lag is small`;
}

function reasonsOfLane({ lane, enabled, workerPid, tables }: LaneFigures): string[] {
  const unready = Object.entries(tables).filter(([state, count]) => state !== 'r' && count > 0);
  return [
    ...(enabled ? [] : [`subscription ${lane} is disabled`]),
    ...(enabled && workerPid === null ? [`subscription ${lane} has no running worker`] : []),
    ...(unready.length > 0 ? [`tables of ${lane} are still being copied`] : []),
  ];
}

const PREPARED_SQL = `
  SELECT /* pgtrek: look-for-prepared */ gid FROM pg_prepared_xacts WHERE database = current_database() LIMIT 5`;

/** They have changed rows, and may commit after the marker. */
async function preparedTransactions(source: Session): Promise<string[]> {
  const rows = await source.query<{ gid: string }>(PREPARED_SQL);
  return rows.map(
    ({ gid }) => `prepared transaction ${gid} is open on the source: COMMIT or ROLLBACK PREPARED it`,
  );
}
