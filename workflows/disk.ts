/** The dump method: rows travel over the disk of one worker host. */
import { ActivityFailure, TimeoutFailure } from '@temporalio/workflow';
import type { DataDump } from '../contract/activities.js';
import { completeTarget, readTables } from './load.js';
import { onHost, step } from './proxies.js';
import { currentLane, nextLane, note, runArgument, specOf } from './run.js';
import type { MigrationRun } from './run.js';
import { dumpSchema, restoreSchema } from './schema.js';

export async function dumpToDisk(run: MigrationRun): Promise<void> {
  await dumpSchema(run);
  await dumpData(run);
}

async function dumpData(run: MigrationRun): Promise<void> {
  const { queue } = await step('find a host for the dump').findHost({ run: runArgument(run) });
  const dump = await onHost(queue, `dump the data, ${String(specOf(run).load.jobs)} jobs`).dumpDatabase({ run: runArgument(run) });
  run.progress.dump = { queue, ...dump };
  run.state.totals.bytesPlanned = dump.bytes;
  note(run, 'dumped', `${dump.bytes} bytes of dump files on ${queue}`);
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

/** A host that is gone takes its files with it: they are made again elsewhere. */
async function restoreRows(run: MigrationRun): Promise<void> {
  if (!run.progress.lane) nextLane(run);
  for (;;) {
    const { dump } = run.progress;
    if (!dump) {
      await dumpData(run);
      continue;
    }
    try {
      await restoreRowsFrom(run, dump);
      return;
    } catch (error) {
      if (!isHostGone(error)) throw error;
      note(run, 'dump-lost', `the host of the dump (${dump.queue}) is gone; it is made again elsewhere`);
      delete run.progress.dump;
    }
  }
}

async function restoreRowsFrom(run: MigrationRun, { queue, ...dump }: DataDump & { queue: string }): Promise<void> {
  const argument = runArgument(run);
  await onHost(queue, 'restore the data').restoreData({ run: argument, lane: currentLane(run), dump });
  await onHost(queue, 'remove the dump files').discardDump({ run: argument, dump });
}

function isHostGone(error: unknown): boolean {
  return (
    error instanceof ActivityFailure &&
    error.cause instanceof TimeoutFailure &&
    error.cause.timeoutType === 'SCHEDULE_TO_START'
  );
}
