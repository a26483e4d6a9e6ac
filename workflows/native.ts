/** Lanes without a snapshot of ours: the server copies the rows itself (native), or they are there already (cdc). */
import { buildAllIndexes, completeTarget } from './complete-target.js';
import { lanesToSubscribe, publishAll, setLane, subscribe } from './lanes.js';
import { step } from './proxies.js';
import { note, runArgument } from './run.js';
import type { MigrationRun } from './run.js';
import { restoreSchema } from './schema.js';
import { readTables } from './tables.js';

/** Keys must be there before the first row: the server finds the rows that change by them. */
export async function restoreWithIndexes(run: MigrationRun): Promise<void> {
  await restoreSchema(run);
  await buildAllIndexes(run);
}

export async function publishExisting(run: MigrationRun): Promise<void> {
  const { tables } = await step('enter the tables in the ledger').enterTables({ run: runArgument(run) });
  run.state.totals.tables = tables;
  await publishAll(run);
}

/** Changes count from the slots' positions on. */
export async function subscribeFromSlot(run: MigrationRun): Promise<void> {
  const from = (run.progress.slotsFrom ??= {});
  for (const lane of lanesToSubscribe(run)) {
    // Once it was told, another slot would begin later: what lies between would be lost.
    if (from[lane] !== undefined) continue;
    const { lsn } = await step(`take the slot of ${lane}`).makeSlot({ run: runArgument(run), lane });
    from[lane] = lsn;
    note(run, 'slot', `${lane} brings what commits from ${lsn} on`);
  }
  if (run.state.mode === 'cdc') {
    run.progress.copied = true;
    run.state.totals.tablesCopied = run.state.totals.tables;
    run.slotReady = true;
  }
  await subscribe(run);
}

/** A marker is not exact while tables are copied, so the stop clock runs from here on. */
export async function loadNatively(run: MigrationRun): Promise<void> {
  if (!run.progress.copied) {
    for (const lane of run.state.lanes.filter(({ status }) => status === 'loading')) {
      const { tables } = await step('wait until the server has copied every table').awaitSync({
        run: runArgument(run),
        lane: lane.name,
      });
      run.state.totals.tablesCopied = tables;
      setLane(run, lane.name, 'applying');
    }
    run.progress.copied = true;
    run.slotReady = true;
  }
  await completeTarget(run);
  await readTables(run);
}
