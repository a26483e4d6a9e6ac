/** What each stage will take: sizes from the catalogs, and what was measured while validating. */
import type { Estimate } from '../../contract/findings.js';
import type { OnBoth } from './check.js';

export function estimateStages(_facts: OnBoth): Promise<Estimate[]> {
  return Promise.resolve([]);
}
