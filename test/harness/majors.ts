/** Which servers tests run on, beside 15 and 18. */
import { embeddedMajors } from '../../dev/cluster.js';

/** The oldest that pgtrek moves from. */
const OLDEST_PROMISED = 13;

/** The oldest that is installed of those that pgtrek moves: 13 is not packaged for every platform. */
export const OLDEST = embeddedMajors().find((major) => major >= OLDEST_PROMISED) ?? OLDEST_PROMISED;
