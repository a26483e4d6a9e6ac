/** A migration up to its load, without a workflow: schema on the target, a lane, and a snapshot that a session holds. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import assert from 'node:assert/strict';
import type { Batch, CopyResult } from '../../../contract/activities.js';
import type { LaneName } from '../../../contract/names.js';
import { laneName } from '../../../contract/names.js';
import { parseSpec } from '../../../contract/spec.js';
import type { SpecInput } from '../../../contract/spec.js';
import type { CopyFigures } from '../../../contract/state.js';
import { compareDatabases } from '../../../dev/oracle.js';
import type { Job } from '../../../postgres/job.js';
import { publishLane } from '../../../postgres/lane/publication.js';
import { copyBatch } from '../../../postgres/load/copy-batch.js';
import { planLoad } from '../../../postgres/load/plan-load.js';
import { dumpSchema } from '../../../postgres/schema/dump-schema.js';
import { restorePreData } from '../../../postgres/schema/restore-section.js';
import { openSession } from '../../../postgres/session.js';
import type { Databases, Pair } from '../pair.js';

export interface Loading {
  job: Job;
  lane: LaneName;
  databases: Databases;
  /** Names of the snapshot. */
  snapshots: string[];
  /** Parts and whole tables that are missing, as the plan has them. */
  plan: () => Promise<Batch[]>;
  copy: (batch: Batch, options?: CopyOptions) => Promise<CopyResult>;
  /** Every batch of a new plan. */
  copyAll: () => Promise<CopyResult>;
  /** Compares the databases row for row. */
  assertEqual: () => Promise<void>;
  end: () => Promise<void>;
}

export interface CopyOptions {
  snapshots?: string[];
  bytesPerSecond?: number;
  onProgress?: (figures: CopyFigures) => void;
  job?: Partial<Job>;
}

export interface LoadOptions {
  /** Runs on the source before the dump. */
  sql: string;
  spec?: Partial<SpecInput>;
}

export async function startLoading(pair: Pair, options: LoadOptions): Promise<Loading> {
  const databases = await pair.newDatabases();
  await databases.run('source', options.sql);
  const dataDir = await mkdtemp(path.join(tmpdir(), 'pgtrek-test-'));
  const job = jobOf(databases, dataDir, options.spec);
  await dumpSchema(job);
  await restorePreData(job);
  const lane = laneName(job.name, 1);
  await publishLane(job, lane);
  const held = await holdSnapshot(job);
  return {
    ...loadingOf({ job, lane, databases, snapshots: [held.snapshot] }),
    end: async () => {
      await held.release();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

function jobOf({ name, servers }: Databases, dataDir: string, spec: Partial<SpecInput> = {}): Job {
  const { host, port, database, user } = servers.source;
  const connection = { host, port, database, user };
  return {
    name: 'load',
    owner: `owner-of-${name}`,
    spec: parseSpec({ name: 'load', mode: 'full-load', source: connection, target: connection, ...spec }),
    servers,
    dataDir,
  };
}

/** As a keeper does. */
export async function holdSnapshot(job: Job): Promise<{ snapshot: string; release: () => Promise<void> }> {
  const session = await openSession(job.servers.source, { purpose: 'test: keeper' });
  await session.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  const { snapshot } = await session.one<{ snapshot: string }>('SELECT pg_export_snapshot() AS snapshot');
  return { snapshot, release: () => session.close() };
}

function loadingOf(facts: Pick<Loading, 'job' | 'lane' | 'databases' | 'snapshots'>): Omit<Loading, 'end'> {
  const { job, lane, databases, snapshots } = facts;
  const plan = async () => (await planLoad(job, lane)).groups.flatMap(({ copies }) => copies);
  const copy = (batch: Batch, options: CopyOptions = {}) =>
    copyBatch(
      { ...job, ...options.job },
      lane,
      { snapshots: options.snapshots ?? snapshots, batch, bytesPerSecond: options.bytesPerSecond },
      options.onProgress ?? (() => undefined),
    );
  return {
    ...facts,
    plan,
    copy,
    async copyAll() {
      const all: CopyResult = { copied: [], rewritten: [] };
      for (const batch of await plan()) {
        const { copied, rewritten } = await copy(batch);
        all.copied.push(...copied);
        all.rewritten.push(...rewritten);
      }
      return all;
    },
    async assertEqual() {
      const { source, target } = databases.servers;
      const { problems } = await compareDatabases(source, target);
      assert.deepEqual(problems, []);
    },
  };
}
