/**
 * The snapshot of a lane, held by two keepers on two hosts where there are two: as long as one lives it can be read from,
 * and the other is replaced.
 */
import { CancellationScope, condition, isCancellation, sleep } from '@temporalio/workflow';
import type { LaneName } from '../contract/names.js';
import { slotLossOf } from './alerts.js';
import { asError, causeOf } from './as-error.js';
import { keeper, step } from './proxies.js';
import { note, runArgument } from './run.js';
import type { MigrationRun } from './run.js';

/** Two hold it; those that die are replaced so often, so that the history of a long load stays short. */
const KEEPERS = 12;

interface SnapshotOrder {
  lane: LaneName;
  slot: boolean;
}

/** Does the work while the snapshot is held. When the last keeper is gone the work is cancelled, and that is thrown. */
export async function withSnapshot(
  run: MigrationRun,
  order: SnapshotOrder,
  work: () => Promise<void>,
): Promise<void> {
  const scope = new CancellationScope();
  const watch = new Keepers(run, order, scope);
  try {
    await scope.run(async () => {
      watch.begin();
      await condition(() => namesOf(run, order.lane).length > 0);
      await work();
    });
  } catch (error) {
    // What the keepers' end has cancelled is told by its reason.
    throw isCancellation(error) && watch.lost && !isCancellation(watch.lost) ? watch.lost : error;
  } finally {
    scope.cancel();
    await watch.ended();
    run.snapshots.delete(order.lane);
  }
}

/** Names of the same snapshot; none once it is lost. */
export function namesOf(run: MigrationRun, lane: LaneName): string[] {
  return [...(run.snapshots.get(lane)?.values() ?? [])].map(({ snapshot }) => snapshot);
}

class Keepers {
  /** Why there is none any more. */
  lost: Error | undefined;
  private begun = 0;
  private alive = 0;
  private readonly kept: Promise<void>[] = [];

  private readonly run: MigrationRun;
  private readonly order: SnapshotOrder;
  private readonly scope: CancellationScope;

  constructor(run: MigrationRun, order: SnapshotOrder, scope: CancellationScope) {
    this.run = run;
    this.order = order;
    this.scope = scope;
  }

  begin(): void {
    this.kept.push(this.keep(1), this.standBy(), this.watchSlot());
  }

  async ended(): Promise<void> {
    await Promise.all(this.kept);
  }

  /** One keeper from its begin to its end. */
  private async keep(n: number, host?: string): Promise<void> {
    const { run, order } = this;
    const from = namesOf(run, order.lane);
    const summary = n === 1 ? `hold the snapshot of ${order.lane}` : `hold the snapshot of ${order.lane} too`;
    this.begun = n;
    this.alive += 1;
    try {
      await keeper(summary, host).keepSnapshot({
        run: runArgument(run),
        ...order,
        keeper: n,
        ...(n === 1 ? {} : { from }),
      });
    } catch (error) {
      this.alive -= 1;
      this.told(n)?.delete(n);
      if (!isCancellation(error)) this.lose(asError(error));
    }
  }

  private told(n: number) {
    const told = this.run.snapshots.get(this.order.lane);
    return told?.has(n) ? told : undefined;
  }

  private lose(error: Error): void {
    const { run, order, scope } = this;
    if (this.alive === 0) {
      this.lost = error;
      scope.cancel();
    } else {
      note(run, 'keeper', `a keeper of the snapshot of ${order.lane} is gone: ${causeOf(error)}`);
    }
  }

  /** A second one, and one after the other in the place of any that dies. */
  private async standBy(): Promise<void> {
    const { run, order } = this;
    try {
      await condition(() => namesOf(run, order.lane).length > 0);
      while (this.begun < KEEPERS) {
        const host = await this.otherHost();
        this.kept.push(this.keep(this.begun + 1, host));
        const began = this.begun;
        await condition(() => this.alive < 2);
        await sleep(Math.min(began * 1_000, 30_000), { summary: 'before another keeper' });
      }
    } catch (error) {
      if (!isCancellation(error)) throw error;
    }
  }

  /** Without the changes that come after it, what the snapshot shows is worth nothing. */
  private async watchSlot(): Promise<void> {
    const { run, order, scope } = this;
    try {
      await condition(() => slotLossOf(run, order.lane) !== undefined);
      this.lost = slotLossOf(run, order.lane);
      scope.cancel();
    } catch (error) {
      if (!isCancellation(error)) throw error;
    }
  }

  private async otherHost(): Promise<string | undefined> {
    const { run, order } = this;
    const [holder] = run.snapshots.get(order.lane)?.values() ?? [];
    if (!holder) return undefined;
    const { queue } = await step('find a second host').findHost({ run: runArgument(run), not: holder.host });
    return queue === holder.host ? undefined : queue;
  }
}
