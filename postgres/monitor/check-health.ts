/** Tells, from what was measured, when a lane cannot go on without help. */
import { PgtrekError } from '../../contract/errors.js';
import type { LaneFigures, MonitorFigures } from '../../contract/state.js';

/** `stopping`: the marker has arrived, or the lanes stand at one: a disabled subscription is then as it should be. */
export function checkHealth(figures: MonitorFigures, { stopping }: { stopping: boolean }): void {
  for (const lane of figures.lanes) checkLane(lane, stopping);
}

function checkLane(lane: LaneFigures, stopping: boolean): void {
  const { lane: name, walStatus } = lane;
  if (walStatus === null || walStatus === 'lost') {
    throw new PgtrekError(
      'SLOT_LOST',
      walStatus === null
        ? `Replication slot ${name} is gone from the source.`
        : `Replication slot ${name} was invalidated: the source has removed WAL that it needed (max_slot_wal_keep_size).`,
      { object: name, remedy: 'Changes are lost: pgtrek abort, then start again.' },
    );
  }
  if (!lane.enabled && !stopping) {
    throw new PgtrekError(
      'SUBSCRIPTION_DISABLED',
      `Subscription ${name} is disabled (or gone) on the target, and no marker of pgtrek did it.`,
      { object: name, remedy: `On the target: ALTER SUBSCRIPTION ${name} ENABLE; then retry.` },
    );
  }
}

/** How many measurements in a row a lane may stand still with errors before that is told as the reason. */
const PATIENCE = 3;

/**
 * Follows one lane's error counter: errors that rise while nothing more is confirmed mean that apply meets the same
 * change again and again. Before 15 there is no counter, and a worker that is never there tells the same.
 */
export function createErrorWatch(): (figures: MonitorFigures) => void {
  const seen = new Map<string, { errors: number; confirmed: string; stuck: number }>();
  return (figures) => {
    for (const lane of figures.lanes) {
      const errors = Number(lane.errors.apply ?? 0);
      const confirmed = lane.confirmedFlush ?? '';
      const before = seen.get(lane.lane);
      const fails = before !== undefined && (errors > before.errors || lane.workerPid === null);
      const stuck = fails && confirmed === before.confirmed ? before.stuck + 1 : 0;
      seen.set(lane.lane, { errors, confirmed, stuck });
      if (lane.enabled && stuck >= PATIENCE && lane.errors.apply !== undefined && errors > 0) throw applyError(lane, errors);
    }
  };
}

function applyError(lane: LaneFigures, errors: number): PgtrekError {
  return new PgtrekError(
    'APPLY_ERROR',
    `Subscription ${lane.lane} fails again and again to apply a change (${errors} errors so far); nothing after it is applied.`,
    {
      object: lane.lane,
      remedy:
        'The target’s log names the table, the row and the reason ("processing remote data … for replication target relation"). Mend the target, then retry.',
    },
  );
}
