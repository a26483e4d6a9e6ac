/** What is thrown for a lane that cannot apply a change, with the change where it was found. */
import { PgtrekError } from '../../contract/errors.js';
import type { LaneName } from '../../contract/names.js';
import type { ApplyError } from '../../contract/state.js';

export class ApplyFailure extends PgtrekError {
  /** It is disabled until somebody retries. */
  readonly lane: LaneName;
  readonly applyError: ApplyError | undefined;

  constructor(
    lane: LaneName,
    { message, remedy, applyError }: { message: string; remedy: string; applyError?: ApplyError },
  ) {
    super('APPLY_ERROR', message, { object: lane, remedy });
    this.lane = lane;
    this.applyError = applyError;
  }
}
