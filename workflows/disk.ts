/** The dump method: rows travel over the disk of one worker host. */
import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/workflow';
import { completeTarget } from './complete-target.js';
import { onHost, step } from './proxies.js';
import { nextLane, note, runArgument, specOf } from './run.js';
import type { MigrationRun } from './run.js';
import { dumpSchema, restoreSchema } from './schema.js';
import { readTables } from './tables.js';

export async function dumpToDisk(run: MigrationRun): Promise<void> {
  await dumpSchema(run);
  await untilHostStays(run, () => dumpData(run));
}

/** Any host that answers; noted before anything is written there, so that clean-up knows. */
async function dumpData(run: MigrationRun): Promise<void> {
  const { queue } = await step('find a host for the dump').findHost({ run: runArgument(run) });
  run.progress.dumpHost = queue;
  const jobs = String(specOf(run).load.jobs);
  run.progress.dump = await onHost(queue, `dump the data, ${jobs} jobs`).dumpDatabase({
    run: runArgument(run),
  });
  run.state.totals.bytesPlanned = run.progress.dump.bytes;
  note(run, 'dumped', `${run.progress.dump.bytes} bytes of dump files on ${queue}`);
}

export async function restoreFromDisk(run: MigrationRun): Promise<void> {
  await restoreSchema(run);
  if (!run.progress.copied) {
    await restoreRows(run);
    run.progress.copied = true;
    run.state.totals.tablesCopied = run.state.totals.tables;
    run.state.totals.bytesCopied = run.state.totals.bytesPlanned;
  }
  await completeTarget(run);
  await readTables(run);
}

async function restoreRows(run: MigrationRun): Promise<void> {
  const lane = run.progress.lane ?? nextLane(run);
  await untilHostStays(run, async () => {
    if (!run.progress.dump) await dumpData(run);
    const { dump, dumpHost } = run.progress;
    if (!dump || !dumpHost) return;
    await onHost(dumpHost, 'restore the data').restoreData({ run: runArgument(run), lane, dump });
  });
}

/** A host that is gone takes its files with it: they are made again elsewhere. */
async function untilHostStays(run: MigrationRun, work: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      await work();
      return;
    } catch (error) {
      if (!isHostGone(error)) throw error;
      note(
        run,
        'dump-lost',
        `the dump's host (${run.progress.dumpHost ?? ''}) or its files are gone: it is made again`,
      );
      delete run.progress.dump;
    }
  }
}

function isHostGone(error: unknown): boolean {
  if (!(error instanceof ActivityFailure)) return false;
  const { cause } = error;
  if (cause instanceof ApplicationFailure) return cause.type === 'DUMP_LOST';
  return cause instanceof TimeoutFailure && cause.timeoutType === 'SCHEDULE_TO_START';
}
