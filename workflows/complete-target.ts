/** What follows the rows: indexes and keys, triggers, views, statistics. */
import type { Batch } from '../contract/activities.js';
import { showDetails } from './details.js';
import { forEachOf } from './for-each-of.js';
import type { Pace } from './for-each-of.js';
import { step } from './proxies.js';
import { runArgument, specOf } from './run.js';
import type { MigrationRun } from './run.js';

/** Both may change while it runs: how many at a time, and whether anything new begins. */
export function paceOf(run: MigrationRun, of: 'jobs' | 'indexJobs'): Pace {
  return {
    atOnce: () => run.state.load?.[of] ?? specOf(run).load[of],
    isOpen: () => run.state.paused === undefined,
  };
}

/** Every index and key of a table, several tables at a time. */
export async function buildAllIndexes(run: MigrationRun): Promise<void> {
  const argument = runArgument(run);
  const { totals } = run.state;
  const plan = await step('plan the indexes').planIndexes({ run: argument });
  totals.indexes = totals.indexesBuilt + plan.indexes;
  totals.constraints = plan.foreignKeys;
  await forEachOf(plan.batches, paceOf(run, 'indexJobs'), async (batch: Batch) => {
    const { indexes } = await step(`build the indexes of ${batch.label}`).buildIndexes({
      run: argument,
      batch,
    });
    totals.indexesBuilt = Math.min(totals.indexes, totals.indexesBuilt + indexes);
    showDetails(run);
  });
}

/** Indexes and keys, then what must see them: foreign keys, triggers, views; statistics last. */
export async function completeTarget(run: MigrationRun): Promise<void> {
  const argument = runArgument(run);
  const { totals } = run.state;
  await buildAllIndexes(run);
  await step('restore triggers, rules and the rest').restorePostData({ run: argument });
  const { constraints } = await step('add and validate foreign keys').buildForeignKeys({ run: argument });
  totals.constraintsBuilt = constraints;
  await step('refresh materialised views').refreshViews({ run: argument });
  await step('analyze').analyze({ run: argument });
}
