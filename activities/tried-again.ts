/** What a clean-up could not remove is tried again for a while, and told then. */
import { activityInfo } from '@temporalio/activity';
import type { Removed } from '../contract/activities.js';
import { PgtrekError } from '../contract/errors.js';

/** After that many attempts the leftovers are reported instead. */
const CLEANUP_ATTEMPTS = 5;

/** Throws CLEANUP_INCOMPLETE, for another attempt, while there may be one. */
export function triedAgain(removed: Removed): Removed {
  if (removed.leftovers.length > 0 && activityInfo().attempt < CLEANUP_ATTEMPTS)
    throw new PgtrekError('CLEANUP_INCOMPLETE', removed.leftovers.join('; '), { retryable: true });
  return removed;
}
