/**
 * A full load by the stream method without Temporal: the steps of workflows/ (migration, load, copy-lane, complete-target,
 * crew, keepers) in their order and with their concurrency, as plain calls. Nothing is tried again.
 */
import { randomUUID } from 'node:crypto';
import type { IndexTask } from '../../contract/activities.js';
import { laneName } from '../../contract/names.js';
import type { LaneName } from '../../contract/names.js';
import { parseSpec } from '../../contract/spec.js';
import type { SpecInput } from '../../contract/spec.js';
import type { ClusterConnection } from '../../dev/cluster.js';
import { removeObjects } from '../../postgres/cleanup/remove-objects.js';
import type { Endpoint } from '../../postgres/endpoint.js';
import type { Job } from '../../postgres/job.js';
import { publishLane } from '../../postgres/lane/publication.js';
import { buildForeignKeys } from '../../postgres/load/build-foreign-keys.js';
import { buildIndexes } from '../../postgres/load/build-indexes.js';
import { copyBatch } from '../../postgres/load/copy-batch.js';
import { copyLargeObjects } from '../../postgres/load/copy-large-objects.js';
import { analyzeTables, refreshViews } from '../../postgres/load/finish-target.js';
import { holdSnapshot } from '../../postgres/load/hold-snapshot.js';
import { planIndexes } from '../../postgres/load/plan-indexes.js';
import { planLoad } from '../../postgres/load/plan-load.js';
import { readTables } from '../../postgres/load/read-tables.js';
import { dumpSchema } from '../../postgres/schema/dump-schema.js';
import { restorePostData, restorePreData } from '../../postgres/schema/restore-section.js';
import { setSequences } from '../../postgres/stop/set-sequences.js';
import { validateServers } from '../../postgres/validate/index.js';
import { inParallel } from './in-parallel.js';
import { Phases } from './phases.js';

export interface EngineOrder {
  spec: SpecInput;
  source: ClusterConnection;
  target: ClusterConnection;
  dataDir: string;
}

/** Returns the seconds of each stage. */
export async function loadWithoutTemporal(
  order: EngineOrder,
  signal: AbortSignal,
): Promise<Record<string, number>> {
  const job = openJob(order, signal);
  const lane = laneName(job.name, 1);
  const phases = new Phases();
  await phases.time('validate', () => validate(job));
  await phases.time('dump', () => dumpSchema(job));
  await phases.time('restore', () => restorePreData(job));
  await phases.time('load', () => load(job, lane));
  await setSequences(job);
  const { leftovers } = await removeObjects(job, false);
  if (leftovers.length > 0) throw new Error(leftovers.join('; '));
  return phases.seconds();
}

function openJob({ spec: input, source, target, dataDir }: EngineOrder, signal: AbortSignal): Job {
  const spec = parseSpec(input);
  const endpointOf = (end: Endpoint['end'], connection: ClusterConnection): Endpoint => ({
    end,
    ...connection,
    tls: spec[end].tls,
  });
  const servers = {
    source: endpointOf('source', source),
    target: endpointOf('target', target),
    replication: endpointOf('source', source),
    observer: undefined,
  };
  return { name: spec.name, owner: randomUUID(), spec, servers, signal, dataDir };
}

async function validate({ spec, servers, owner, signal }: Job): Promise<void> {
  const { findings } = await validateServers({ spec, servers, owner, ...(signal && { signal }) });
  const blocking = findings.filter(({ verdict }) => verdict === 'block');
  if (blocking.length > 0) throw new Error(blocking.map(({ why }) => why).join('; '));
}

async function load(job: Job, lane: LaneName): Promise<void> {
  await publishLane(job, lane);
  const builders = new IndexBuilders(job);
  await withSnapshot(job, lane, (snapshots) => copyLane(job, lane, { snapshots, builders }));
  await builders.finish();
  builders.give((await planIndexes(job)).tasks);
  await builders.finish();
  await restorePostData(job);
  await buildForeignKeys(job, false);
  await refreshViews(job);
  await analyzeTables(job);
  await readAllTables(job);
}

/** Held by two, as the workflow has it; the second one's name joins the first when it is there. */
async function withSnapshot(
  job: Job,
  lane: LaneName,
  work: (snapshots: string[]) => Promise<void>,
): Promise<void> {
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, ...(job.signal ? [job.signal] : [])]);
  const snapshots: string[] = [];
  const kept: Promise<void>[] = [];
  const keep = (from?: string[]) =>
    new Promise<void>((held, lost) => {
      const keeper = holdSnapshot({ ...job, signal }, { lane, slot: false, from }, async ({ snapshot }) => {
        snapshots.push(snapshot);
        held();
      });
      // Once it was held, the copies find out that it is lost.
      kept.push(keeper.catch(lost));
    });
  try {
    await keep();
    await Promise.all([keep([...snapshots]), work(snapshots)]);
  } finally {
    over.abort();
    await Promise.all(kept);
  }
}

interface Copying {
  snapshots: string[];
  builders: IndexBuilders;
}

async function copyLane(job: Job, lane: LaneName, { snapshots, builders }: Copying): Promise<void> {
  const { groups, largeObjects } = await planLoad(job, lane);
  await readAllTables(job);
  const copies = groups.flatMap(({ copies: batches, indexes }) => {
    let left = batches.length;
    return batches.map((batch) => async () => {
      const order = { snapshots: [...snapshots], batch };
      const { rewritten } = await copyBatch(job, lane, order, () => undefined);
      if (rewritten.length > 0) throw new Error(rewritten.map(({ why }) => why).join(' '));
      left -= 1;
      if (left === 0) builders.give(indexes);
    });
  });
  if (largeObjects)
    copies.push(async () => {
      await copyLargeObjects(job, { lane, snapshots: [...snapshots] }, () => undefined);
    });
  await inParallel(copies, { limit: job.spec.load.jobs, run: (copy) => copy() });
  const { tables } = await planLoad(job, lane);
  if (tables > 0) throw new Error(`${tables} tables were not copied`);
}

/** As the crew of workflows/: the heaviest first; the last one, beside which a place is free, gets parallel workers. */
class IndexBuilders {
  private readonly job: Job;
  private readonly running = new Set<Promise<void>>();
  private waiting: IndexTask[] = [];

  constructor(job: Job) {
    this.job = job;
  }

  give(tasks: IndexTask[]): void {
    this.waiting.push(...tasks);
    this.waiting.sort((a, b) => Number(BigInt(b.bytes) - BigInt(a.bytes)));
    this.fill();
  }

  /** Throws what the first has thrown that failed. */
  async finish(): Promise<void> {
    while (this.running.size > 0) await Promise.race(this.running);
  }

  private fill(): void {
    const { indexJobs } = this.job.spec.load;
    while (this.running.size < indexJobs) {
      const task = this.waiting.shift();
      if (task === undefined) return;
      const isLast = this.waiting.length === 0 && this.running.size + 1 < indexJobs;
      const building = this.build(task, isLast ? indexJobs : 0).then(() => {
        this.running.delete(building);
        this.fill();
      });
      // It is told by finish().
      building.catch(() => undefined);
      this.running.add(building);
    }
  }

  private async build(task: IndexTask, workers: number): Promise<void> {
    await buildIndexes(this.job, task, workers);
  }
}

const PAGE = 2_000;

/** For the figures of `pgtrek status` and `tables`: a query that pgtrek needs with Temporal or without. */
async function readAllTables(job: Job): Promise<void> {
  for (let offset = 0; ; offset += PAGE) {
    if ((await readTables(job, offset, PAGE)).length < PAGE) return;
  }
}
