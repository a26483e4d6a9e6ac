/** From the fence to its release. */
import type { CutOver, MarkerPlan } from '../../contract/activities.js';
import type { HookMoment, HookResult } from '../../contract/cutover.js';
import { PgtrekError } from '../../contract/errors.js';
import type { LaneName } from '../../contract/names.js';
import type { Job } from '../job.js';

export interface CutoverAsked {
  marker: MarkerPlan;
  maxPause: string;
  /** Markers at which nothing stands any more. */
  retired: string[];
  /** Lanes the other way whose slots are moved on to where the target stands. */
  reverse: LaneName[];
  hooks: (moment: HookMoment, signal: AbortSignal) => Promise<HookResult[]>;
  onStep: (text: string) => void;
}

export function cutOver(_job: Job, _asked: CutoverAsked): Promise<CutOver> {
  throw new PgtrekError('NOT_BUILT_YET', 'cutover');
}
