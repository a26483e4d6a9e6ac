/** Brings changes of the source's schema over to the target. */
import type { Adoption } from '../../contract/activities.js';
import { PgtrekError } from '../../contract/errors.js';
import type { LaneName } from '../../contract/names.js';
import type { Job } from '../job.js';

export interface Adopt {
  lanes: LaneName[];
  /** The lanes have stopped, at a marker or at a change that they cannot apply. */
  standing: boolean;
}

export function adoptChanges(_job: Job, _adopt: Adopt): Promise<Adoption> {
  return Promise.reject(new PgtrekError('NOT_BUILT_YET', 'Changes of the schema are not adopted yet.'));
}
