/** monitor and stop: watching the lanes, the marker, and what comes after it. */
import type { Activities } from '../contract/activities.js';
import { adoptChanges } from '../postgres/adopt/adopt-changes.js';
import { goOnApplying } from '../postgres/apply-errors/go-on.js';
import { removeObjects } from '../postgres/cleanup/remove-objects.js';
import { giveSlotUp } from '../postgres/lane/give-slot-up.js';
import { resumeLanes } from '../postgres/lane/resume.js';
import { watchBeside } from '../postgres/monitor/watch-beside.js';
import { watchLanes } from '../postgres/monitor/watch-lanes.js';
import { checkCutover } from '../postgres/cutover/check-cutover.js';
import { confirmStopped } from '../postgres/stop/confirm-stopped.js';
import { commitMarker, disarmMarker } from '../postgres/stop/marker.js';
import { standForChange } from '../postgres/stop/stand-for-change.js';
import { readPosition } from '../postgres/stop/wait-for-point.js';
import { setSequences } from '../postgres/stop/set-sequences.js';
import { step } from './step.js';
import type { ActivityDependencies } from './step.js';
import { triedAgain } from './tried-again.js';

type FollowActivities = Pick<
  Activities,
  | 'monitor'
  | 'watchBeside'
  | 'giveSlotUp'
  | 'commitMarker'
  | 'disarmMarker'
  | 'confirmStopped'
  | 'standForChange'
  | 'resumeLanes'
  | 'enableLane'
  | 'checkCutover'
  | 'readPosition'
  | 'adoptChanges'
  | 'setSequences'
  | 'removeObjects'
>;

/** A person who watches wants fresh figures; a heartbeat costs Temporal 5 ms. */
const MEASURE_EVERY_MS = 2_000;
export function followActivities(dependencies: ActivityDependencies): FollowActivities {
  return {
    monitor: step(dependencies, 'watch the lanes', (job, { run: _run, ...watch }, report) =>
      watchLanes(job, { ...watch, every: MEASURE_EVERY_MS, onFigures: report }),
    ),
    watchBeside: step(dependencies, 'watch the WAL', (job, { run: _run, ...watch }, report) =>
      watchBeside(job, { ...watch, every: MEASURE_EVERY_MS, onFigures: report }),
    ),
    giveSlotUp: step(dependencies, 'drop a slot', (job, { lane }) => giveSlotUp(job, lane)),
    commitMarker: step(dependencies, 'commit the marker', (job, { marker }, report) =>
      commitMarker(job, marker, (text) => report({ kind: 'step', text })),
    ),
    disarmMarker: step(dependencies, 'disarm the marker', (job, { marker }) => disarmMarker(job, marker)),
    confirmStopped: step(dependencies, 'wait for the marker', (job, { run: _run, ...stop }, report) =>
      confirmStopped(job, { ...stop, onFigures: report }),
    ),
    standForChange: step(dependencies, 'wait for the marker', (job, { marker, retired }, report) =>
      standForChange(job, { marker, retired, onFigures: report }),
    ),
    resumeLanes: step(dependencies, 'let the lanes go on', (job, { marker }) => resumeLanes(job, marker)),
    enableLane: step(dependencies, 'let a lane go on', (job, { lane, retired, skip }) =>
      goOnApplying(job, { lane, retired, skip }),
    ),
    checkCutover: step(dependencies, 'look whether a cutover can begin', (job, { lanes }) =>
      checkCutover(job, lanes),
    ),
    readPosition: step(dependencies, 'look where the source is', (job) => readPosition(job)),
    adoptChanges: step(dependencies, 'bring schema changes over', (job, { lanes, standing }) =>
      adoptChanges(job, { lanes, standing }),
    ),
    setSequences: step(dependencies, 'set the sequences', (job) => setSequences(job)),
    removeObjects: step(dependencies, 'remove our objects', async (job, { dropTarget, keepFixes }) =>
      triedAgain(await removeObjects(job, dropTarget, { keepFixes: keepFixes ?? false })),
    ),
  };
}
