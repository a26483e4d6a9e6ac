/** Removes lanes that are not needed any more, and leaves their tables as they are. */
import type { Removed } from '../../contract/activities.js';
import { PgtrekError } from '../../contract/errors.js';
import type { LaneName } from '../../contract/names.js';
import type { Job } from '../job.js';

export function closeLanes(_job: Job, _lanes: LaneName[]): Promise<Removed> {
  throw new PgtrekError('NOT_BUILT_YET', 'closing lanes');
}
