/** The rows of one lane: parts and batches from its snapshot, and the index builders told as tables get whole. */
import { ActivityFailure, ApplicationFailure, isCancellation } from '@temporalio/workflow';
import type { Batch, CopyResult, IndexTask, LoadGroup, LoadPlan } from '../contract/activities.js';
import type { LaneName } from '../contract/names.js';
import { bytesOf } from '../contract/values.js';
import { asError } from './as-error.js';
import { paceOf } from './complete-target.js';
import { Crew } from './crew.js';
import { namesOf, withSnapshot } from './keepers.js';
import { isLaneDue, isStreaming, setLane } from './lanes.js';
import { step } from './proxies.js';
import { note, runArgument, specOf } from './run.js';
import type { MigrationRun } from './run.js';
import { untilDone } from './stage.js';
import { addCopied, readProgress } from './tables.js';

/**
 * All that the lane lacks. What cannot be copied blocks while the snapshot is held, so that a retry goes on with it. Returns
 * why tables could not be brought by this lane: their heaps are not what its snapshot saw.
 */
export async function copyLane(
  run: MigrationRun,
  lane: LaneName,
  builders: Crew<IndexTask>,
): Promise<string[]> {
  const rewritten = new Map<number, string>();
  await withSnapshot(run, { lane, slot: isStreaming(run) }, async () => {
    setLane(run, lane, 'loading');
    run.slotReady = isStreaming(run) && !isLaneDue(run);
    let lost: Error | undefined;
    await untilDone(run, 'load', async () => {
      try {
        await new Copying(run, lane, builders, rewritten).untilDone();
      } catch (error) {
        // Nobody can mend that: it ends the lane, and blocks nothing.
        if (!isSnapshotLost(error)) throw error;
        lost = asError(error);
      }
    });
    if (lost) throw lost;
  });
  return [...rewritten.values()];
}

type Copy = { batch: Batch; of: Group } | 'large objects';

interface Group extends LoadGroup {
  /** Copies that are not in yet. */
  left: number;
}

class Copying {
  private readonly run: MigrationRun;
  private readonly lane: LaneName;
  private readonly builders: Crew<IndexTask>;
  private readonly rewritten: Map<number, string>;

  constructor(run: MigrationRun, lane: LaneName, builders: Crew<IndexTask>, rewritten: Map<number, string>) {
    this.run = run;
    this.lane = lane;
    this.builders = builders;
    this.rewritten = rewritten;
  }

  async untilDone(): Promise<void> {
    const { run, lane } = this;
    const plan = await step('plan the load').planLoad({ run: runArgument(run), lane });
    await readProgress(run);
    const crew = new Crew<Copy>({
      pace: paceOf(run, 'jobs'),
      work: (copy) => (copy === 'large objects' ? this.copyLargeObjects() : this.copy(copy)),
      isFatal: isSnapshotLost,
    });
    crew.give(this.copiesOf(plan));
    try {
      await crew.finish();
    } catch (error) {
      // What a batch has brought before it failed is known to the ledger only.
      if (!isCancellation(error) && !isSnapshotLost(error)) await readProgress(run);
      throw error;
    } finally {
      await crew.cancel();
    }
    await this.checkComplete();
  }

  private copiesOf({ groups, largeObjects }: LoadPlan): Copy[] {
    const copies = groups.flatMap((group): Copy[] => {
      const of = { ...group, left: group.copies.length };
      return group.copies.map((batch) => ({ batch, of }));
    });
    return largeObjects ? [...copies, 'large objects'] : copies;
  }

  private async copy({ batch, of }: Exclude<Copy, string>): Promise<void> {
    const { run, rewritten } = this;
    // The first part of its table that came too late has told the others.
    if (!batch.tables.every((id) => rewritten.has(id))) {
      const result = await this.withNames((snapshots) => this.copyBatch(batch, snapshots));
      addCopied(run, result.copied);
      for (const { id, why } of result.rewritten) this.setAside(id, why);
    }
    of.left -= 1;
    if (of.left === 0) this.build(of.indexes);
  }

  private copyBatch(batch: Batch, snapshots: string[]): Promise<CopyResult> {
    const { run, lane } = this;
    const bytesPerSecond = this.rate();
    return step(`copy ${batch.label}`).copyBatch({
      run: runArgument(run),
      lane,
      snapshots,
      batch,
      ...(bytesPerSecond === undefined ? {} : { bytesPerSecond }),
    });
  }

  /** Of each job. One that runs already keeps its own when their number changes. */
  private rate(): number | undefined {
    const { bytesPerSecond } = specOf(this.run).load;
    const total = bytesPerSecond === undefined ? undefined : bytesOf(bytesPerSecond);
    return total === undefined
      ? undefined
      : Math.max(1, Math.floor(total / paceOf(this.run, 'jobs').atOnce()));
  }

  /** Names change as keepers die and are replaced: an attempt that has old ones only is made again. */
  private async withNames<T>(work: (names: string[]) => Promise<T>): Promise<T> {
    for (;;) {
      const names = namesOf(this.run, this.lane);
      try {
        return await work(names);
      } catch (error) {
        const fresh = namesOf(this.run, this.lane).some((name) => !names.includes(name));
        if (!isSnapshotLost(error) || !fresh) throw error;
      }
    }
  }

  private setAside(id: number, why: string): void {
    if (this.rewritten.has(id)) return;
    this.rewritten.set(id, why);
    note(this.run, 'rewritten', `${why} It goes to a new lane.`);
  }

  /** A table that goes to a new lane gets its indexes there. */
  private build(tasks: IndexTask[]): void {
    const { rewritten } = this;
    const kept = tasks
      .map((task) => ({ ...task, tables: task.tables.filter((id) => !rewritten.has(id)) }))
      .filter(({ tables }) => tables.length > 0);
    this.builders.give(kept);
  }

  private async copyLargeObjects(): Promise<void> {
    const { run, lane } = this;
    const { objects, bytes } = await this.withNames((snapshots) =>
      step('copy large objects').copyLargeObjects({ run: runArgument(run), lane, snapshots }),
    );
    note(run, 'large-objects', `${String(objects)} large objects (${bytes} bytes) are on the target`);
  }

  /** The ledger decides, not our counting: a table without its rows there has not been copied. */
  private async checkComplete(): Promise<void> {
    const { run, lane, rewritten } = this;
    const { groups } = await step('check that every table was copied').planLoad({
      run: runArgument(run),
      lane,
    });
    const missing = groups
      .flatMap(({ copies }) => copies)
      .filter(({ tables }) => !tables.every((id) => rewritten.has(id)));
    if (missing.length === 0) return;
    const names = missing.slice(0, 10).map(({ label }) => label);
    throw ApplicationFailure.nonRetryable(`tables were not copied: ${names.join(', ')}`, 'INTERNAL_ERROR');
  }
}

function isSnapshotLost(error: unknown): boolean {
  const cause = error instanceof ActivityFailure ? error.cause : undefined;
  return cause instanceof ApplicationFailure && cause.type === 'SNAPSHOT_LOST';
}
