/** Watches the lanes for a round: measures, tells every figure, and throws when one cannot go on. */
import { setTimeout as delay } from 'node:timers/promises';
import type { LaneName } from '../../contract/names.js';
import type { MonitorFigures } from '../../contract/state.js';
import { withEnds } from '../job.js';
import type { Job } from '../job.js';
import { armChanges, passChange } from '../lane/ddl-stop.js';
import type { AtChange } from '../lane/ddl-stop.js';
import { stopsAtChanges } from '../lane/ddl-trigger.js';
import { journalTable } from '../lane/journal.js';
import { readStanding } from '../lane/standing.js';
import type { Session } from '../session.js';
import { checkHealth, createErrorWatch } from './check-health.js';
import { createGauge } from './measure.js';
import { createDriftWatch } from './watch-drift.js';

export interface Watch {
  lanes: LaneName[];
  /** Markers that were disarmed, or whose stop is over: they explain no disabled subscription. */
  retired: string[];
  /** The lanes have stopped; only WAL is watched. */
  standing: boolean;
  /** Digest of the drift that is known already; another one, or none, ends the watch. */
  knownDrift?: string;
  seconds: number;
  /** A lane that stands at a change of the schema stays there; otherwise it goes on unless the change is news. */
  paused?: boolean;
  /** Milliseconds between measurements. */
  every: number;
  onFigures: (figures: MonitorFigures) => void;
}

export async function watchLanes(job: Job, watch: Watch): Promise<MonitorFigures> {
  const { lanes, retired, standing, knownDrift, paused = false, seconds, every, onFigures } = watch;
  return withEnds(job, 'monitor', async (source, target) => {
    const gauge = createGauge(job, lanes, source, target);
    const watchErrors = createErrorWatch();
    const watchDrift = createDriftWatch(job, lanes, source, target);
    const end = Date.now() + seconds * 1000;
    if (stopsAtChanges(job.spec) && !standing && !paused) await armChanges(target, job.owner, lanes);
    for (;;) {
      const measured = await gauge();
      const idle = measured.lanes.filter(({ enabled }) => !enabled).map(({ lane }) => lane);
      const atChange = standing ? [] : await findAtChange(target, idle);
      // What they stand at is on the source already, and so a look from here on sees it.
      const figures = { ...measured, ...(await watchDrift(atChange.length > 0 && !paused)) };
      onFigures(figures);
      const marked = await findMarked(target, idle, retired);
      checkHealth(figures, { standing, marked: new Set([...marked, ...atChange.map(({ lane }) => lane)]) });
      watchErrors(figures);
      const news = figures.driftUnknown === undefined && figures.drift?.digest !== knownDrift;
      if (!news && !paused) for (const at of atChange) await passChange(target, job.owner, at);
      if (news || Date.now() >= end) return figures;
      await delay(every, undefined, job.signal ? { signal: job.signal } : {});
    }
  });
}

async function findAtChange(target: Session, lanes: LaneName[]): Promise<AtChange[]> {
  const found: AtChange[] = [];
  for (const lane of lanes) {
    const standing = await readStanding(target, lane);
    if (standing?.change) found.push({ lane, change: standing.change });
  }
  return found;
}

/** A marker may have come through before the workflow heard that it was committed. */
async function findMarked(
  target: Session,
  lanes: LaneName[],
  retired: string[],
): Promise<ReadonlySet<LaneName>> {
  const marked = new Set<LaneName>();
  for (const lane of lanes) {
    const rows = await target.query(
      `SELECT /* pgtrek: look-for-any-marker */ FROM ${journalTable(lane)}
       WHERE kind = 'marker' AND id <> ALL ($1::text[]) LIMIT 1`,
      [retired],
    );
    if (rows.length > 0) marked.add(lane);
  }
  return marked;
}
