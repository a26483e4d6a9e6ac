/** Watches the lanes for a round: measures, tells every figure, and throws when one cannot go on. */
import { setTimeout as delay } from 'node:timers/promises';
import type { LaneName } from '../../contract/names.js';
import type { MonitorFigures } from '../../contract/state.js';
import type { Job } from '../job.js';
import { armChanges, passChange } from '../lane/ddl-stop.js';
import type { AtChange } from '../lane/ddl-stop.js';
import { stopsAtChanges } from '../lane/ddl-trigger.js';
import { journalTable } from '../lane/journal.js';
import { readStanding } from '../lane/standing.js';
import { createApplyWatch } from '../apply-errors/watch-apply.js';
import type { Session } from '../session.js';
import { checkHealth } from './check-health.js';
import { isNews } from './find-alerts.js';
import { createGauge } from './measure.js';
import { withAlerts, withTargetOrAlone } from './watch-alone.js';
import { createDriftWatch } from './watch-drift.js';
import type { DriftFigures } from './watch-drift.js';

export interface Watch {
  lanes: LaneName[];
  /** Markers that were disarmed, or whose stop is over: they explain no disabled subscription. */
  retired: string[];
  /** The lanes have stopped; only WAL is watched. */
  standing: boolean;
  /** Digest of the drift that is known already; another one, or none, ends the watch. */
  knownDrift?: string;
  /** Ids of the alerts that stand; others end the watch. Absent: none are looked for. */
  knownAlerts?: string[];
  seconds: number;
  /** A lane that stands at a change of the schema stays there; otherwise it goes on unless the change is news. */
  paused?: boolean;
  /** Milliseconds between measurements. */
  every: number;
  onFigures: (figures: MonitorFigures) => void;
}

export async function watchLanes(job: Job, watch: Watch): Promise<MonitorFigures> {
  const {
    lanes,
    retired,
    standing,
    paused = false,
    knownDrift,
    knownAlerts,
    seconds,
    every,
    onFigures,
  } = watch;
  return withTargetOrAlone(job, 'monitor', watch, async (source, target) => {
    const gauge = createGauge(job, { lanes }, source, target);
    const watchApply = createApplyWatch(job, target);
    const watchDrift = createDriftWatch(job, lanes, source, target);
    let drift: DriftFigures = {};
    // A lane that stumbles over a change of the schema is no case for its operator yet.
    const sawDrift = async () => {
      drift = await watchDrift(true);
      return isNewDrift(drift, knownDrift);
    };
    const end = Date.now() + seconds * 1000;
    if (stopsAtChanges(job.spec) && !standing && !paused) await armChanges(target, job.owner, lanes);
    for (;;) {
      const measured = await gauge();
      const idle = measured.lanes.filter(({ enabled }) => !enabled).map(({ lane }) => lane);
      const atChange = standing ? [] : await findAtChange(target, idle);
      // What they stand at is on the source already, and so a look from here on sees it.
      drift = await watchDrift(atChange.length > 0 && !paused);
      const figures = withAlerts(job, { ...measured, ...drift }, knownAlerts);
      onFigures(figures);
      const marked = new Set([
        ...(await findMarked(target, idle, retired)),
        ...atChange.map(({ lane }) => lane),
      ]);
      if (!standing && (await watchApply(figures, marked, sawDrift))) return { ...figures, ...drift };
      checkHealth(figures, { standing, marked });
      const drifted = isNewDrift(drift, knownDrift);
      if (!drifted && !paused) for (const at of atChange) await passChange(target, job.owner, at);
      const news = drifted || isNews(figures.alerts ?? [], knownAlerts);
      if (news || Date.now() >= end) return figures;
      await delay(every, undefined, job.signal ? { signal: job.signal } : {});
    }
  });
}

function isNewDrift({ drift, driftUnknown }: DriftFigures, known: string | undefined): boolean {
  return driftUnknown === undefined && drift?.digest !== known;
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
