/** Tells, from what was measured, when a lane cannot go on without help. */
import { PgtrekError } from '../../contract/errors.js';
import type { LaneName } from '../../contract/names.js';
import type { LaneFigures, MonitorFigures } from '../../contract/state.js';
import { slotLost, whyLost } from '../lane/lost-slot.js';

export interface Expected {
  /** Lanes to which a marker has come: their subscriptions may be disabled. */
  marked: ReadonlySet<LaneName>;
  /** The lanes have stopped for good, and need their slots no more. */
  standing: boolean;
}

export function checkHealth(figures: MonitorFigures, expected: Expected): void {
  if (!expected.standing) checkSlots(figures.lanes);
  for (const lane of figures.lanes) {
    if (!expected.standing && !expected.marked.has(lane.lane)) checkEnabled(lane);
  }
}

function checkSlots(lanes: LaneFigures[]): void {
  const lost = lanes.flatMap(
    ({ lane, walStatus, invalidationReason: invalidation = null, isAhead = false }) => {
      const why = whyLost({ walStatus, invalidation, isAhead });
      return why === undefined ? [] : [{ lane, why }];
    },
  );
  if (lost.length > 0) throw slotLost(lost);
}

function checkEnabled({ lane, enabled }: LaneFigures): void {
  if (enabled) return;
  throw new PgtrekError(
    'SUBSCRIPTION_DISABLED',
    `Subscription ${lane} is disabled (or gone) on the target, and no marker of pgtrek did it.`,
    { object: lane, remedy: `On the target: ALTER SUBSCRIPTION ${lane} ENABLE; then retry.` },
  );
}

/** So many new errors while nothing more is confirmed: one alone may be a deadlock that passes. */
const ERRORS = 2;
/** Before 15 there is no counter; a worker that is away for so long, while the source is there, tells the same. */
const AWAY_MS = 60_000;

interface Standstill {
  confirmed: string;
  /** Error counter when the lane stood still first. */
  errors: number;
  since: number;
}

/** Follows each lane; tells one that meets the same change again and again. */
export function createErrorWatch(
  now: () => number = Date.now,
): (figures: MonitorFigures) => LaneName | undefined {
  const lanes = new Map<string, Standstill>();
  return (figures) => {
    for (const lane of figures.lanes) {
      const confirmed = lane.confirmedFlush ?? '';
      const errors = Number(lane.errors.apply ?? 0);
      const known = lanes.get(lane.lane);
      // A running worker without new errors is at work, however slowly.
      if (known?.confirmed !== confirmed || (lane.workerPid !== null && errors === known.errors)) {
        lanes.set(lane.lane, { confirmed, errors, since: now() });
        continue;
      }
      const away =
        lane.errors.apply === undefined && lane.workerPid === null && now() - known.since > AWAY_MS;
      if (lane.enabled && (errors - known.errors >= ERRORS || away)) return lane.lane;
    }
    return undefined;
  };
}
