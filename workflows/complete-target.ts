/** What follows the rows: indexes and keys, triggers, views, statistics. */
import type { IndexTask } from '../contract/activities.js';
import { causeOf } from './as-error.js';
import { Crew } from './crew.js';
import type { Pace } from './crew.js';
import { showDetails } from './details.js';
import { step } from './proxies.js';
import { note, runArgument, specOf } from './run.js';
import type { MigrationRun } from './run.js';

/** Both may change while it runs: how many at a time, and whether anything new begins. */
export function paceOf(run: MigrationRun, of: 'jobs' | 'indexJobs'): Pace {
  return {
    atOnce: () => run.state.load?.[of] ?? specOf(run).load[of],
    isOpen: () => run.state.paused === undefined,
  };
}

/** Builds indexes and keys, the longest first. What fails is told at once, and set aside until the rest is done. */
export function indexCrew(run: MigrationRun): Crew<IndexTask> {
  const indexJobs = paceOf(run, 'indexJobs');
  // While tables leave their lane nobody knows yet which.
  const pace: Pace = { ...indexJobs, isOpen: () => indexJobs.isOpen() && run.progress.leaving === undefined };
  return new Crew<IndexTask>({
    pace,
    weight: ({ bytes }) => BigInt(bytes),
    work: async (task, last) => {
      try {
        await build(run, task, last ? pace.atOnce() : 0);
      } catch (error) {
        note(run, 'set-aside', `${task.label}: ${causeOf(error)}`);
        throw error;
      }
    },
  });
}

async function build(run: MigrationRun, task: IndexTask, workers: number): Promise<void> {
  const { totals } = run.state;
  const { indexes } = await step(`build ${task.label}`).buildIndexes({
    run: runArgument(run),
    task,
    workers,
  });
  totals.indexesBuilt = Math.min(totals.indexes, totals.indexesBuilt + indexes);
  showDetails(run);
}

/** Every index and key that is still missing. */
export async function buildAllIndexes(run: MigrationRun): Promise<void> {
  const { totals } = run.state;
  const plan = await step('plan the indexes').planIndexes({ run: runArgument(run) });
  totals.indexes = Math.max(totals.indexes, totals.indexesBuilt + plan.indexes);
  totals.constraints = plan.foreignKeys;
  const crew = indexCrew(run);
  crew.give(plan.tasks);
  try {
    await crew.finish();
  } finally {
    await crew.cancel();
  }
}

/** Indexes and keys, then what must see them: foreign keys, triggers, views; statistics last. */
export async function completeTarget(run: MigrationRun): Promise<void> {
  const argument = runArgument(run);
  await buildAllIndexes(run);
  await step('restore triggers, rules and the rest').restorePostData({ run: argument });
  await addForeignKeys(run, false);
  await step('refresh materialised views').refreshViews({ run: argument });
  await step('analyze').analyze({ run: argument });
}

/** Keys between lanes must wait until all lanes stand at one marker: before, either side may be ahead. */
export async function addForeignKeys(run: MigrationRun, standing: boolean): Promise<void> {
  const { totals } = run.state;
  const { constraints, deferred, violations } = await step('add and validate foreign keys').buildForeignKeys({
    run: runArgument(run),
    standing,
  });
  totals.constraintsBuilt = constraints;
  for (const violation of violations) note(run, 'foreign-key', violation);
  run.progress.keysLeft = deferred;
  if (deferred > 0)
    note(
      run,
      'foreign-key',
      `${String(deferred)} foreign keys join tables of two lanes: they are made when all lanes stand`,
    );
}
