/**
 * Records one closed history per way through the workflow, as running migrations of this version have them:
 * `npx tsx test/histories/record.ts <version>`. Fixtures of earlier versions stay: they prove that migrations which
 * run while pgtrek is upgraded go on.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { connect } from '../../client/index.js';
import type { Migration, Pgtrek, SpecInput } from '../../client/index.js';
import { untilBlocked, untilState } from '../harness/migrations.js';
import { specFor } from '../harness/spec.js';
import { startWorker } from '../harness/worker.js';
import { createDatabases, openWorld, query } from '../harness/world.js';
import type { Databases, World } from '../harness/world.js';

interface Branch {
  rest: Partial<SpecInput>;
  fault?: string;
  before?: (databases: Databases) => Promise<void>;
  steer?: (migration: Migration, databases: Databases) => Promise<void>;
}

const monitoring = (migration: Migration) => untilState(migration, ({ stage }) => stage === 'monitor');

const BRANCHES: Record<string, Branch> = {
  'full-load-stream': { rest: { mode: 'full-load' } },
  'full-load-dump': { rest: { mode: 'full-load', load: { method: 'dump' } } },
  'stop-now': { rest: { cdc: { stop: { now: true } } } },
  'plan-changed': {
    rest: { cdc: { stop: { at: '2100-01-01T00:00:00Z' } } },
    steer: async (migration) => {
      await monitoring(migration);
      await untilState(migration, ({ monitor, events }) => monitor !== undefined || events.length > 0);
      await migration.stop({ never: true });
      await migration.stop({ now: true, then: 'wait' });
      await untilState(migration, ({ status }) => status === 'stopped');
      await migration.finish();
    },
  },
  'blocked-then-retried': {
    rest: { cdc: { stop: { now: true } } },
    before: async ({ source }) => {
      await query(source, 'CREATE TABLE public.keyless (id int)');
    },
    steer: async (migration, { source }) => {
      await untilBlocked(migration);
      await query(source, 'ALTER TABLE public.keyless ADD PRIMARY KEY (id)');
      await migration.retry();
    },
  },
  'aborted-in-monitor': {
    rest: {},
    steer: async (migration) => {
      await monitoring(migration);
      await migration.abort({ dropTarget: true });
    },
  },
  'snapshot-lost': { rest: { cdc: { stop: { now: true } } }, fault: 'before copy-data #2' },
};

const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), process.argv[2] ?? 'unreleased');

async function record(world: World, client: Pgtrek, temporal: Client, name: string, branch: Branch): Promise<void> {
  const databases = await createDatabases(world, name);
  await branch.before?.(databases);
  const first = await startWorker(world, { taskQueue: name, ...(branch.fault ? { fault: branch.fault } : {}) });
  const second = first.ended.then(() => startWorker(world, { taskQueue: name }));
  try {
    const migration = await client.start(specFor(name, databases, { taskQueue: name, ...branch.rest }));
    await branch.steer?.(migration, databases);
    await migration.result();
    const history = await temporal.workflow.getHandle(`pgtrek-${name}`).fetchHistory();
    await writeFile(path.join(folder, `${name}.json`), `${historyToJSON(history)}\n`);
    console.log(`${name}: ${String(history.events?.length ?? 0)} events`);
  } finally {
    first.kill('SIGKILL');
    await (await second).stop();
  }
}

await mkdir(folder, { recursive: true });
const world = await openWorld();
const connection = await Connection.connect({ address: world.temporal.address });
const client = await connect({ address: world.temporal.address });
try {
  for (const [name, branch] of Object.entries(BRANCHES)) {
    await record(world, client, new Client({ connection }), name, branch);
  }
} finally {
  await client.close();
  await connection.close();
  await world.close();
}
